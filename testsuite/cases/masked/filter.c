/* masked: thread 0, a thread of the filter's, one that does not exist; parallel masked and parallel master. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int first = -1, last = -1, nobody = 0, ran = 0, n = 0;
#pragma omp parallel
    {
#pragma omp masked
        first = omp_get_thread_num();
#pragma omp masked filter(omp_get_num_threads() - 1)
        last = omp_get_num_threads() - 1 - omp_get_thread_num();
#pragma omp masked filter(n + 1000)
        nobody = 1;
#pragma omp barrier
    }
#pragma omp parallel masked
    ran += omp_get_thread_num() + 1;
#pragma omp parallel masked filter(n)
    ran += omp_get_thread_num() + 10;
#pragma omp parallel master
    ran += 100;
    printf("%d %d %d %d\n", first, last, nobody, ran);
    return 0;
}
