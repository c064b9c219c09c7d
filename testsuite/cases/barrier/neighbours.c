/* After each barrier every thread sees what all others wrote before it. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    long slot[64] = {0};
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (long step = 1; step <= 50; ++step) {
            slot[me] = step * 100 + me;
#pragma omp barrier
            for (int i = 0; i < team; ++i)
                wrong += slot[i] != step * 100 + i;
#pragma omp barrier
        }
    }
    printf("%d\n", wrong);
    return 0;
}
