/* Orphaned loop with reduction to a global and through a pointer parameter, from a region and from serial code. */
#include <stdio.h>

static long total;

static void count(const int *a, int n)
{
#pragma omp for reduction(+ : total)
    for (int i = 0; i < n; ++i)
        total += a[i];
}

static void largest(const int *a, int n, int *result)
{
    static int best;
#pragma omp single
    best = a[0];
#pragma omp for reduction(max : best)
    for (int i = 0; i < n; ++i)
        best = best > a[i] ? best : a[i];
#pragma omp single
    *result = best;
}

int main(void)
{
    int a[300], best = 0;
    for (int i = 0; i < 300; ++i)
        a[i] = (i * 71) % 307;
#pragma omp parallel
    {
        count(a, 300);
        largest(a, 300, &best);
    }
    count(a, 10);
    printf("%ld %d\n", total, best);
    return 0;
}
