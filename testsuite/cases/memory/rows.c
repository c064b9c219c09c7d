/* A two-dimensional array as rows that were allocated by different threads. */
#include <stdio.h>
#include <stdlib.h>

#define N 150

int main(void)
{
    double **a = malloc(N * sizeof *a), **b = malloc(N * sizeof *b);
#pragma omp parallel for schedule(dynamic, 7)
    for (int i = 0; i < N; ++i) {
        a[i] = malloc(N * sizeof **a);
        b[i] = calloc(N, sizeof **b);
        for (int j = 0; j < N; ++j)
            a[i][j] = i - j;
    }
#pragma omp parallel for schedule(dynamic, 5)
    for (int i = 0; i < N; ++i)
        for (int k = 0; k < N; ++k)
            for (int j = 0; j < N; ++j)
                b[i][j] += a[i][k] * a[k][j];
    double trace = 0;
    for (int i = 0; i < N; ++i)
        trace += b[i][i] * (i + 1);
    printf("%.0f\n", trace);
#pragma omp parallel for
    for (int i = 0; i < N; ++i) {
        free(a[i]);
        free(b[N - 1 - i]);
    }
    free(a);
    free(b);
    return 0;
}
