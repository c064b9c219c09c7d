//# compare: sorted
/* Every thread prints; lines come whole, and between what serial code prints before and after. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    printf("before\n");
    for (int round = 0; round < 4; ++round) {
        printf("-- round %d\n", round);
#pragma omp parallel
        {
            for (int i = 0; i < 20; ++i)
                printf("thread %d says %d in round %d\n", omp_get_thread_num(), i, round);
            fflush(stdout);
        }
        printf("-- end of round %d\n", round);
    }
    return 0;
}
