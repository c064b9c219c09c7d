/* Pointers swapped by serial code between sweeps: what was the source becomes the target. */
#include <stdio.h>
#include <stdlib.h>

#define N 120

int main(void)
{
    double *u = calloc(N * N, sizeof *u), *v = calloc(N * N, sizeof *v);
    for (int i = 0; i < N; ++i)
        u[i] = v[i] = 1024;
    for (int sweep = 0; sweep < 40; ++sweep) {
#pragma omp parallel for
        for (int i = 1; i < N - 1; ++i)
            for (int j = 1; j < N - 1; ++j)
                v[i * N + j] = 0.25 * (u[(i - 1) * N + j] + u[(i + 1) * N + j] + u[i * N + j - 1] + u[i * N + j + 1]);
        double *t = u;
        u = v;
        v = t;
    }
    double sum = 0;
    for (int i = 0; i < N * N; ++i)
        sum += u[i];
    printf("%.9g\n", sum);
    free(u);
    free(v);
    return 0;
}
