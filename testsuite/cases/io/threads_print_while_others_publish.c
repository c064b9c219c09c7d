//# compare: sorted
/* Threads that print while others of their rank pass synchronisation, which writes out what was printed: each line comes once. */
#include <stdio.h>

int main(void)
{
    for (int turn = 0; turn < 30; turn++) {
#pragma omp parallel for num_threads(10) ordered schedule(static, 1)
        for (int i = 0; i < 20; i++) {
#pragma omp ordered
            ;
            printf("turn %d: iteration %d\n", turn, i);
        }
    }
    return 0;
}
