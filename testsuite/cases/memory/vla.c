/* Variable-length arrays of one and two dimensions, pointers to them, typedefs of them, in regions. */
#include <stdio.h>

static double run(int n, int m)
{
    double a[n], g[n][m], (*row)[m] = g;
    typedef int line[m];
    line counts;
    double sum = 0;
    for (int j = 0; j < m; ++j)
        counts[j] = 0;
#pragma omp parallel for
    for (int i = 0; i < n; ++i) {
        double tmp[m];
        a[i] = (double)(sizeof g / sizeof(double)) + i;
        for (int j = 0; j < m; ++j)
            tmp[j] = i + j * 0.5;
        for (int j = 0; j < m; ++j)
            row[i][j] = tmp[m - 1 - j];
    }
#pragma omp parallel for firstprivate(a) reduction(+ : sum)
    for (int i = 0; i < n; ++i) {
        a[i] += 1;
        sum += a[i] + g[i][i % m];
    }
#pragma omp parallel for
    for (int j = 0; j < m; ++j)
        for (int i = 0; i < n; ++i)
            counts[j] += g[i][j] > n / 2;
    for (int j = 0; j < m; ++j)
        sum += counts[j];
    return sum;
}

int main(void)
{
    printf("%g %g %g\n", run(5, 3), run(40, 7), run(1, 1));
    return 0;
}
