/* The simd forms of distribute. */
#include <stdio.h>

#define N 100

int main(void)
{
    float a[N], b[N];
    double sum = 0;
    for (int i = 0; i < N; i++)
        b[i] = i;
#pragma omp teams distribute simd simdlen(4)
    for (int i = 0; i < N; i++)
        a[i] = 2 * b[i];
#pragma omp teams distribute parallel for simd reduction(+ : sum)
    for (int i = 0; i < N; i++)
        sum += a[i];
#pragma omp target teams distribute parallel for simd map(tofrom : a) safelen(8)
    for (int i = 0; i < N; i++)
        a[i] += 1;
#pragma omp target teams distribute simd map(a)
    for (int i = 0; i < N; i++)
        a[i] += 1;
#pragma omp target simd map(a)
    for (int i = 0; i < N; i++)
        a[i] += 1;
#pragma omp target parallel for simd map(a) reduction(+ : sum)
    for (int i = 0; i < N; i++)
        sum += a[i];
    printf("%g %g\n", sum, a[N - 1]);
    return 0;
}
