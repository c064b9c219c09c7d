/* One thread cancels the region while the others wait at a barrier: all meet at the end, and what was written before is there. */
//# env: OMP_CANCELLATION=true
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int wrong = 0, marks[64];
    for (int round = 0; round < 50; ++round) {
        int team = 0, after = 0;
        for (int k = 0; k < 64; ++k)
            marks[k] = -1;
#pragma omp parallel reduction(+ : after)
        {
            int me = omp_get_thread_num();
            if (me == 0)
                team = omp_get_num_threads();
            marks[me] = round;
            if (me == (round % omp_get_num_threads())) {
#pragma omp cancel parallel
            }
#pragma omp barrier
            after += 1;
        }
        for (int k = 0; k < team; ++k)
            wrong += marks[k] != round;
        wrong += after != 0;
    }
    printf("%d\n", wrong);
    return 0;
}
