/* A sum of doubles that are multiples of a power of two: exact, so equal in every order. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int n = 100000;
    double *x = malloc((size_t)n * sizeof *x), dot = 0;
    for (int i = 0; i < n; ++i)
        x[i] = (i % 1000) / 64.0;
#pragma omp parallel for reduction(+ : dot) schedule(dynamic, 1000)
    for (int i = 0; i < n; ++i)
        dot += x[i] * x[n - 1 - i];
    printf("%.17g\n", dot);
    free(x);
    return 0;
}
