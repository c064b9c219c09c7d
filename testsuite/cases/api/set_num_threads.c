/* omp_set_num_threads changes the following teams. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int limit = omp_get_max_threads(), wrong = 0;
    for (int n = 1; n <= limit; ++n) {
        int size = 0;
        omp_set_num_threads(n);
        wrong += omp_get_max_threads() != n;
#pragma omp parallel
#pragma omp master
        size = omp_get_num_threads();
        wrong += size != n;
    }
    printf("%d\n", wrong);
    return 0;
}
