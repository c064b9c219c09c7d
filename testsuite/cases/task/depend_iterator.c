/* depend with iterators: one, two, with types and steps; together with plain items. */
#include <stdio.h>

int main(void)
{
    int a[6] = {0}, grid[3][4] = {{0}}, sum = 0, total = 0, last = 0, n = 6;
#pragma omp parallel
#pragma omp single
    {
        for (int i = 0; i < 6; ++i) {
#pragma omp task depend(out : a[i])
            a[i] = i + 1;
        }
#pragma omp task depend(iterator(i = 0 : n), in : a[i]) depend(out : sum) shared(sum)
        for (int i = 0; i < 6; ++i)
            sum += a[i];
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 4; ++j) {
#pragma omp task depend(out : grid[i][j])
                grid[i][j] = i * 4 + j;
            }
#pragma omp task depend(iterator(unsigned i = 0 : 3, long j = 3 : -1 : -1), in : grid[i][j]) depend(in : sum) shared(total, sum)
        {
            for (int i = 0; i < 3; ++i)
                for (int j = 0; j < 4; ++j)
                    total += grid[i][j];
            total += sum;
        }
#pragma omp taskwait depend(iterator(k = 0 : 2), in : a[k * 2])
        last = a[0] + a[2];
#pragma omp taskwait
    }
    printf("%d %d %d\n", sum, total, last);
    return 0;
}
