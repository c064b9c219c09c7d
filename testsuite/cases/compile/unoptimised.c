//# cflags: -O0 -fsigned-char -fno-strict-aliasing
/* Without optimisation, where nothing stays in registers. */
#include <stdio.h>

int main(void)
{
    int a[100], sum = 0, n = 100;
#pragma omp parallel shared(a, n, sum)
    {
        int mine = 0, i;
#pragma omp for
        for (i = 0; i < n; ++i) {
            a[i] = i;
            mine += i;
        }
#pragma omp critical
        sum += mine;
    }
    printf("%d %d\n", sum, a[99]);
    return 0;
}
