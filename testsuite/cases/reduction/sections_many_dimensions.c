/* Reductions of array sections with several dimensions, static and dynamic bounds, of arrays, VLAs and pointers. */
#include <stdio.h>
#include <stdlib.h>
static void rows(int n, double v[n][4], int from, int count)
{
#pragma omp parallel for reduction(+ : v[from : count][0 : 4])
    for (int i = 0; i < 100; i++)
        v[from + i % count][i % 4] += i;
}
int main(void)
{
    static int a[6][5];
    int b[4][3][2] = {{{0}}};
    double v[5][4];
    int (*p)[5] = a;
    for (int i = 0; i < 20; i++)
        v[i / 4][i % 4] = i;
#pragma omp parallel for reduction(+ : a[1 : 3][0 : 5]) reduction(max : b[2][0 : 3][0 : 2])
    for (int i = 0; i < 90; i++) {
        a[1 + i % 3][i % 5] += i;
        if (b[2][i % 3][i % 2] < i)
            b[2][i % 3][i % 2] = i;
    }
#pragma omp parallel for reduction(- : p[4 : 2])
    for (int i = 0; i < 50; i++)
        p[4 + i % 2][i % 5] -= i;
    rows(5, v, 1, 3);
    for (int i = 0; i < 6; i++, puts(""))
        for (int j = 0; j < 5; j++)
            printf("%d ", a[i][j]);
    for (int i = 0; i < 24; i++)
        printf("%d ", (&b[0][0][0])[i]);
    puts("");
    for (int i = 0; i < 20; i++)
        printf("%g ", v[i / 4][i % 4]);
    puts("");
    return 0;
}
