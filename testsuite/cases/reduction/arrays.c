/* Whole arrays, sections of arrays, sections through pointers, two dimensions. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int a[10] = {1, 2, 3}, grid[3][4] = {{0}};
    double *h = malloc(100 * sizeof *h);
    long parts[20], *part = parts;
    for (int i = 0; i < 100; ++i)
        h[i] = i;
    for (int i = 0; i < 20; ++i)
        part[i] = 1000;
#pragma omp parallel for reduction(+ : a, grid) reduction(+ : h[10 : 30]) reduction(- : part[ : 5])
    for (int i = 0; i < 120; ++i) {
        a[i % 10] += i;
        grid[i % 3][i % 4] += 1;
        h[10 + i % 30] += 0.5;
        part[i % 5] -= i;
    }
    for (int i = 0; i < 10; ++i)
        printf("%d ", a[i]);
    for (int i = 0; i < 12; ++i)
        printf("%d ", grid[i / 4][i % 4]);
    double s = 0;
    long p = 0;
    for (int i = 0; i < 100; ++i)
        s += h[i] * (i + 1);
    for (int i = 0; i < 20; ++i)
        p = p * 3 + part[i];
    printf("%g %ld\n", s, p);
    free(h);
    return 0;
}
