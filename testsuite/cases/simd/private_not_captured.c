/* Variables that are private to a simd or loop construct and that nothing else in the region uses. */
#include <stdio.h>

int main(void)
{
    int table[64], tmp = 5, i = 7, j = 8, k = 9;
    long sum = 0;
#pragma omp parallel for
    for (int row = 0; row < 4; row++) {
#pragma omp simd private(tmp)
        for (int column = 0; column < 16; column++) {
            tmp = row * column;
            table[row * 16 + column] = tmp;
        }
    }
#pragma omp parallel num_threads(2)
    {
#pragma omp loop private(i) bind(thread)
        for (i = 0; i < 64; i++)
            ;
    }
#pragma omp task
    {
#pragma omp loop private(j)
        for (j = 0; j < 64; j++)
            table[j]++;
    }
#pragma omp taskwait
#pragma omp target simd private(k) map(tofrom : table)
    for (int column = 0; column < 64; column++) {
        k = 2 * column;
        table[column] += k;
    }
    for (int at = 0; at < 64; at++)
        sum += (at + 1L) * table[at];
    printf("%ld %d %d %d %d\n", sum, tmp, i, j, k);
    return 0;
}
