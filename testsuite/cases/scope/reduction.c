/* scope: private copies, a reduction, a barrier behind it; nowait. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int threads = 0, sum = 0, later = 0, wrong = 0, scratch = 5, largest = -1;
#pragma omp parallel
    {
#pragma omp single
        threads = omp_get_num_threads();
#pragma omp scope reduction(+ : sum) reduction(max : largest) private(scratch)
        {
            scratch = omp_get_thread_num();
            sum += scratch + 1;
            largest = scratch;
        }
        if (sum != threads * (threads + 1) / 2) {
#pragma omp atomic
            ++wrong;
        }
#pragma omp barrier
#pragma omp scope nowait reduction(+ : later)
        later += 2;
    }
    printf("%d %d %d %d\n", wrong, scratch, later == 2 * threads, largest == threads - 1);
    return 0;
}
