/* cancel parallel: threads leave at the cancellation and at barriers; if that is false cancels nothing. */
//# env: OMP_CANCELLATION=true
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int after = 0, whole = 0, threads = 0;
#pragma omp parallel
    {
#pragma omp single
        threads = omp_get_num_threads();
#pragma omp cancel parallel if (omp_get_thread_num() < 0)
#pragma omp atomic
        ++whole;
    }
#pragma omp parallel
    {
#pragma omp cancel parallel if (omp_get_thread_num() == 0)
#pragma omp barrier
#pragma omp cancellation point parallel
#pragma omp atomic
        ++after;
    }
    printf("%d %d\n", whole == threads, after);
    return 0;
}
