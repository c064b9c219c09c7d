/* target in functions, in loops, in branches without braces, and inside one another's helpers. */
#include <stdio.h>

static void scale(int n, double *v, double by)
{
#pragma omp target map(tofrom : v[0 : n]) map(to : by)
    for (int i = 0; i < n; i++)
        v[i] *= by;
}

static double total(int n, const double *v)
{
    double sum = 0;
#pragma omp target parallel for map(to : v[0 : n]) reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

int main(void)
{
    double v[20];
    for (int i = 0; i < 20; i++)
        v[i] = i;
    for (int round = 0; round < 3; round++)
        if (round % 2)
            scale(20, v, 0.5);
        else
#pragma omp target map(v)
            for (int i = 0; i < 20; i++)
                v[i] += round;
    printf("%g\n", total(20, v));
    return 0;
}
