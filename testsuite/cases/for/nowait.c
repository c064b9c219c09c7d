/* Loops with nowait over disjoint arrays, then one with its barrier, in one region. */
#include <stdio.h>

#define N 5000

static int a[N], b[N], c[N];

int main(void)
{
#pragma omp parallel
    {
#pragma omp for nowait
        for (int i = 0; i < N; ++i)
            a[i] = i;
#pragma omp for schedule(dynamic, 100) nowait
        for (int i = 0; i < N; ++i)
            b[i] = 2 * i;
#pragma omp barrier
#pragma omp for
        for (int i = 0; i < N; ++i)
            c[i] = a[N - 1 - i] + b[i];
    }
    long sum = 0;
    for (int i = 0; i < N; ++i)
        sum += (long)c[i] * (i % 13);
    printf("%ld\n", sum);
    return 0;
}
