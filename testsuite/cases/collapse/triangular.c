/* Nests whose bounds depend on an outer loop: lower and upper, with factors, downwards, three deep, empty rows. */
#include <stdio.h>
int main(void)
{
    enum { N = 17 };
    static int a[N][N], b[N][N][N];
    int i, j, k, count = 0;
#pragma omp parallel for collapse(2)
    for (i = 0; i < N; i++)
        for (j = i; j < N; j++)
            a[i][j] += i * 100 + j + 1;
#pragma omp parallel for collapse(2) reduction(+ : count)
    for (i = 0; i < N; i++)
        for (j = 0; j < 2 * i - 5; j += 2)
            count += i * j + 1;
    long sum = 0;
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++)
            sum += (long)a[i][j] * (i + 2 * j + 1);
    printf("%ld %d\n", sum, count);
    sum = 0;
#pragma omp parallel for collapse(3) reduction(+ : sum)
    for (i = 0; i < N; i++)
        for (j = i; j >= 0; j--)
            for (k = j; k < N; k++) {
                b[i][j][k] = i + j + k;
                sum += i * 10000 + j * 100 + k;
            }
    for (i = 0; i < N; i++)
        for (j = 0; j < N; j++)
            for (k = 0; k < N; k++)
                sum += b[i][j][k] * (i - j + k);
    printf("%ld\n", sum);
    i = j = -1;
#pragma omp parallel for collapse(2) lastprivate(i, j)
    for (i = 0; i < 5; i++)
        for (j = i; j < 9; j++)
            a[i][j] = 0;
    printf("%d %d\n", i, j);
    return 0;
}
