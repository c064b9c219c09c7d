/* A function with a region of its own, called from serial code and from a region. */
#include <omp.h>
#include <stdio.h>

static long triangle(int n)
{
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 1; i <= n; ++i)
        sum += i;
    return sum;
}

int main(void)
{
    long t[40], outer = triangle(1000);
#pragma omp parallel for
    for (int i = 0; i < 40; ++i)
        t[i] = triangle(i) + omp_get_level();
    long sum = 0;
    for (int i = 0; i < 40; ++i)
        sum = sum * 3 % 1000003 + t[i];
    printf("%ld %ld %d\n", outer, sum, omp_get_level());
    return 0;
}
