//# ranks: 1 2
//# timeout: 60
/* A hundred thousand regions that each change one number per thread. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static long count[64][8];
    long total = 0;
    for (int i = 0; i < 100000; ++i) {
#pragma omp parallel
        ++count[omp_get_thread_num()][0];
    }
    for (int i = 0; i < 64; ++i)
        total += count[i][0];
    printf("%d %ld\n", total == 100000L * omp_get_max_threads(), count[0][0]);
    return 0;
}
