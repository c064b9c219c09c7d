/* Without OMP_CANCELLATION nothing is cancelled. */
//# env: OMP_CANCELLATION=false
#include <stdio.h>

int main(void)
{
    int count = 0, reached = 0;
#pragma omp parallel
    {
#pragma omp for
        for (int i = 0; i < 20; ++i) {
#pragma omp atomic
            ++count;
#pragma omp cancel for
        }
#pragma omp cancel parallel
#pragma omp barrier
#pragma omp single
        reached = 1;
    }
    printf("%d %d\n", count, reached);
    return 0;
}
