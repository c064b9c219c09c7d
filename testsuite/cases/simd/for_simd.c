/* for simd and parallel for simd with their clauses. */
#include <stdio.h>
int main(void)
{
    enum { N = 1003 };
    static double a[N], b[N];
    static int grid[20][30];
    double sum = 0, low = 1e9;
    int last = 0, k = 5, h[4] = {0}, tmp;
#pragma omp parallel for simd schedule(simd : static, 5) simdlen(4)
    for (int i = 0; i < N; i++)
        a[i] = i * 0.25;
#pragma omp parallel
    {
#pragma omp for simd reduction(+ : sum) reduction(min : low) lastprivate(last) private(tmp) nowait
        for (int i = N - 1; i >= 0; i--) {
            tmp = i / 2;
            b[i] = a[i] + tmp;
            sum += b[i];
            low = b[i] < low ? b[i] : low;
            last = i + 7;
        }
#pragma omp barrier
#pragma omp for simd linear(k : 2) schedule(dynamic, 100) safelen(16)
        for (int i = 0; i < N; i++) {
            b[i] += k;
            k += 2;
        }
#pragma omp for simd collapse(2) reduction(+ : h)
        for (int i = 0; i < 20; i++)
            for (int j = 0; j < 30; j++) {
                grid[i][j] = i * j;
                h[j & 3] += i;
            }
    }
    double check = 0;
    for (int i = 0; i < N; i++)
        check += b[i] * (i % 7);
    long total = 0;
    for (int i = 0; i < 600; i++)
        total += grid[i / 30][i % 30];
    printf("%g %g %d %d %.3f %ld %d %d %d %d\n", sum, low, last, k, check, total, h[0], h[1], h[2], h[3]);
    return 0;
}
