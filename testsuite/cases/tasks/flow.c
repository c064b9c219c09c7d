/* Dependences of all kinds, between tasks made in one task and in an if(0) task, over a blocked elimination without pivoting. */
#include <stdio.h>
#include <stdlib.h>

enum { B = 6, N = 8 };
static double a[B][B][N][N];

static void factor(double (*d)[N])
{
    for (int k = 0; k < N; ++k)
        for (int i = k + 1; i < N; ++i) {
            d[i][k] /= d[k][k];
            for (int j = k + 1; j < N; ++j)
                d[i][j] -= d[i][k] * d[k][j];
        }
}

static void row(double (*d)[N], double (*x)[N])
{
    for (int k = 0; k < N; ++k)
        for (int i = k + 1; i < N; ++i)
            for (int j = 0; j < N; ++j)
                x[i][j] -= d[i][k] * x[k][j];
}

static void column(double (*d)[N], double (*x)[N])
{
    for (int k = 0; k < N; ++k)
        for (int i = 0; i < N; ++i) {
            x[i][k] /= d[k][k];
            for (int j = k + 1; j < N; ++j)
                x[i][j] -= x[i][k] * d[k][j];
        }
}

static void inner(double (*l)[N], double (*u)[N], double (*x)[N])
{
    for (int i = 0; i < N; ++i)
        for (int j = 0; j < N; ++j)
            for (int k = 0; k < N; ++k)
                x[i][j] -= l[i][k] * u[k][j];
}

int main(void)
{
    for (int i = 0; i < B; ++i)
        for (int j = 0; j < B; ++j)
            for (int k = 0; k < N; ++k)
                for (int l = 0; l < N; ++l)
                    a[i][j][k][l] = 1.0 / (1 + i + j + k + 2 * l) + (i == j && k == l) * 40;
#pragma omp parallel
#pragma omp single
    for (int k = 0; k < B; ++k) {
#pragma omp task depend(inout : a[k][k])
        factor(a[k][k]);
        for (int j = k + 1; j < B; ++j) {
#pragma omp task depend(in : a[k][k]) depend(inout : a[k][j])
            row(a[k][k], a[k][j]);
#pragma omp task depend(in : a[k][k]) depend(inout : a[j][k]) if (j != k + 2)
            column(a[k][k], a[j][k]);
        }
        for (int i = k + 1; i < B; ++i)
            for (int j = k + 1; j < B; ++j) {
#pragma omp task depend(in : a[i][k], a[k][j]) depend(mutexinoutset : a[i][j])
                inner(a[i][k], a[k][j], a[i][j]);
            }
    }
    double sum = 0;
    for (int i = 0; i < B; ++i)
        for (int j = 0; j < B; ++j)
            for (int k = 0; k < N; ++k)
                for (int l = 0; l < N; ++l)
                    sum += a[i][j][k][l] * (1 + k - l);
    printf("%.10e\n", sum);
    return 0;
}
