/* cancel for ends the loop for all threads at the next cancellation point; the following loop is not concerned. */
//# env: OMP_CANCELLATION=true
#include <stdio.h>

int main(void)
{
    int stopped = 0, complete = 0;
    for (int round = 0; round < 30; ++round) {
        int done = 0, all = 0;
#pragma omp parallel reduction(+ : done, all)
        {
#pragma omp for schedule(dynamic, 2)
            for (int i = 0; i < 100000; ++i) {
                if (i == 10) {
#pragma omp cancel for
                }
#pragma omp cancellation point for
                ++done;
            }
#pragma omp for schedule(dynamic, 2)
            for (int i = 0; i < 100; ++i)
                ++all;
        }
        stopped += done < 100000;
        complete += all == 100;
    }
    printf("%d %d\n", stopped, complete);
    return 0;
}
