//# cflags: -O3 -march=native -funroll-loops -DSIZE=300 -Wall
/* Optimisation flags and definitions reach the compiler. */
#include <stdio.h>
#ifndef __OPTIMIZE__
#error "not optimised"
#endif

static float a[SIZE][SIZE], b[SIZE][SIZE];

int main(void)
{
#pragma omp parallel for
    for (int i = 0; i < SIZE; ++i)
        for (int j = 0; j < SIZE; ++j)
            a[i][j] = (float)((i * j) % 16);
#pragma omp parallel for
    for (int i = 0; i < SIZE; ++i)
        for (int j = 0; j < SIZE; ++j)
            b[i][j] = a[j][i] * 2 + 1;
    double sum = 0;
    for (int i = 0; i < SIZE; ++i)
        for (int j = 0; j < SIZE; ++j)
            sum += b[i][j];
    printf("%.0f\n", sum);
    return 0;
}
