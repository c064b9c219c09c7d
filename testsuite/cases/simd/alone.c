/* simd outside of and inside of a parallel region, with every clause. */
#include <stdio.h>
#pragma omp declare simd notinbranch uniform(k) linear(i : 1)
static int twice(int i, int k)
{
    return 2 * i + k;
}
int main(void)
{
    enum { N = 100 };
    static float x[N] __attribute__((aligned(64))), y[N] __attribute__((aligned(64)));
    int i, j, last = 0, lin = 3;
    double sum = 1;
#pragma omp simd aligned(x, y : 64) safelen(8) simdlen(4)
    for (i = 0; i < N; i++) {
        x[i] = i;
        y[i] = twice(i, 1);
    }
    printf("%d %g\n", i, y[N - 1]);
#pragma omp simd reduction(+ : sum) lastprivate(last) linear(lin : 2) if (N > 10)
    for (i = 0; i < N; i++) {
        sum += x[i] * lin;
        last = i;
        lin += 2;
    }
    printf("%g %d %d\n", sum, last, lin);
#pragma omp simd collapse(2) reduction(max : last)
    for (i = 0; i < 10; i++)
        for (j = 0; j < 10; j++)
            if (i * j > last)
                last = i * j;
    printf("%d %d %d\n", last, i, j);
    int total[8] = {0}, r = 0;
#pragma omp parallel num_threads(4) private(i) reduction(+ : r)
    {
        int mine = 0;
#pragma omp simd reduction(+ : mine)
        for (i = 0; i < N; i++)
            mine += i;
        r += mine + i;
    }
    printf("%d\n", r == 4 * (4950 + N) || r == 4950 + N);
#pragma omp simd reduction(+ : total)
    for (i = 0; i < N; i++)
        total[i % 8] += i;
    for (i = 0; i < 8; i++)
        printf("%d ", total[i]);
    puts("");
    return 0;
}
