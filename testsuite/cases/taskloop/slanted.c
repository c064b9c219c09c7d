/* taskloop over collapsed loops whose bounds depend on each other, upwards, downwards, over pointers and in a chain, where variables of the
 * same names stand outside. */
#include <stdio.h>
#include <string.h>

static int out[40][40], i, j;

static int triangle(int n)
{
    int total = 0;
    memset(out, 0, sizeof out);
#pragma omp parallel
#pragma omp single
#pragma omp taskloop collapse(2) grainsize(7) private(i, j)
    for (i = 0; i < n; i++)
        for (j = i + 1; j <= 2 * i + n / 4; j++)
            if (j < 40)
                out[i][j]++;
    for (int k = 0; k < 40; k++)
        for (int l = 0; l < 40; l++)
            total += out[k][l] * (k * 41 + l);
    return total;
}

static int downwards(int n)
{
    int total = 0;
#pragma omp parallel
#pragma omp single
#pragma omp taskloop collapse(3) num_tasks(5) reduction(+ : total)
    for (long k = n; k > 2; k -= 2)
        for (long l = k; l >= 0; l--)
            for (int m = 3; m < 5; m++)
                total += (int)k * 7 + (int)l * m;
    return total;
}

static int pointers(int *from, int n)
{
    int total = 0;
#pragma omp parallel
#pragma omp single
#pragma omp taskloop collapse(2) reduction(+ : total)
    for (int *p = from; p < from + n; p++)
        for (int *q = p; q < from + n; q++)
            total += (int)(p - from) * 3 + (int)(q - from);
    return total;
}

static int chain(void)
{
    int total = 0;
#pragma omp parallel
#pragma omp master
#pragma omp taskloop collapse(4) reduction(+ : total)
    for (int a = 0; a < 3; a++)
        for (int b = 1; b < 5; b++)
            for (int c = 2 * b; c < 3 * b; c++)
                for (int d = c; d < 2 * c; d++)
                    total += a + b * c + d;
    return total;
}

static int with_simd(int n)
{
    int total = 0;
    memset(out, 0, sizeof out);
#pragma omp parallel
#pragma omp single
#pragma omp taskloop simd collapse(2)
    for (int k = 0; k < n; k++)
        for (int l = 0; l < k; l++)
            out[k][l] += 3 + l;
    for (int k = 0; k < 40; k++)
        for (int l = 0; l < 40; l++)
            total += out[k][l] * (k + 1);
    return total;
}

int main(void)
{
    int memory[20];
    i = 11;
    j = 12;
    printf("%d %d %d %d %d\n", triangle(17), downwards(13), pointers(memory, 20), chain(), with_simd(24));
    printf("%d %d\n", i, j);
    return 0;
}
