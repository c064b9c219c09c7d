/* The pipeline of NPB LU: a thread may sweep plane k of its columns when its left neighbour has done so, which it learns from a flag. */
#include <omp.h>
#include <stdio.h>

enum { PLANES = 12, COLUMNS = 48 };
static volatile int flag[65];
static double v[PLANES][COLUMNS];

static void sweep(int first, int end, int plane)
{
    for (int j = first; j < end; ++j)
        v[plane][j] = (j ? v[plane][j - 1] : 1.0) * 0.5 + (plane ? v[plane - 1][j] : 1.0) * 0.25 + j;
}

int main(void)
{
    for (int round = 0; round < 2; ++round) {
#pragma omp parallel
        {
            int me = omp_get_thread_num(), all = omp_get_num_threads();
            int first = COLUMNS * me / all, end = COLUMNS * (me + 1) / all;
            flag[me] = 0;
#pragma omp barrier
            for (int plane = 0; plane < PLANES; ++plane) {
                if (me > 0) {
                    while (flag[me - 1] == 0) {
#pragma omp flush(flag)
                    }
                    flag[me - 1] = 0;
#pragma omp flush(flag)
                }
                sweep(first, end, plane);
                if (me < all - 1) {
                    while (flag[me] == 1) {
#pragma omp flush(flag)
                    }
#pragma omp flush
                    flag[me] = 1;
#pragma omp flush(flag)
                }
            }
        }
    }
    double sum = 0;
    for (int plane = 0; plane < PLANES; ++plane)
        for (int j = 0; j < COLUMNS; ++j)
            sum += v[plane][j] * (1 + plane % 3);
    printf("%.10g\n", sum);
    return 0;
}
