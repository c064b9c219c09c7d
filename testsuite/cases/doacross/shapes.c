/* Dependences between iterations: one and two dimensions, steps, downwards, collapse, an inner loop that runs as it is. */
#include <stdio.h>
int main(void)
{
    enum { N = 24 };
    static long a[N], g[N][N], h[N][N], c[N];
    int i, j;
    a[0] = 1;
#pragma omp parallel for ordered(1) schedule(dynamic)
    for (i = 1; i < N; i++) {
#pragma omp ordered depend(sink : i - 1)
        a[i] = a[i - 1] * 2 % 1000003 + i;
#pragma omp ordered depend(source)
    }
    for (i = 0; i < N; i++)
        g[i][0] = g[0][i] = h[i][0] = h[0][i] = i;
#pragma omp parallel for ordered(2) private(j)
    for (i = 1; i < N; i++)
        for (j = 1; j < N; j++) {
#pragma omp ordered depend(sink : i - 1, j) depend(sink : i, j - 1)
            g[i][j] = (g[i - 1][j] + g[i][j - 1]) % 10007;
#pragma omp ordered depend(source)
        }
#pragma omp parallel for collapse(2) ordered(2) schedule(static, 1)
    for (i = 1; i < N; i++)
        for (j = 1; j < N; j++) {
#pragma omp ordered depend(sink : i - 1, j - 1) depend(sink : i, j - 1)
            h[i][j] = (h[i - 1][j - 1] + 3 * h[i][j - 1]) % 10007;
#pragma omp ordered depend(source)
        }
#pragma omp parallel
    {
#pragma omp for ordered(1) schedule(static, 2)
        for (int k = N - 1; k >= 0; k -= 2) {
#pragma omp ordered depend(sink : k + 2)
            c[k] = k + (k + 2 < N ? c[k + 2] : 0);
#pragma omp ordered depend(source)
        }
    }
    long sum = 0;
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++)
            sum = (sum * 7 + g[i][j] + 2 * h[i][j]) % 1000000007;
    printf("%ld %ld %ld\n", a[N - 1], sum, c[1]);
    return 0;
}
