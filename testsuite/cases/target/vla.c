/* Variable-length arrays, sections with bounds that are computed, two-dimensional ones, and functions' array parameters. */
#include <stdio.h>

static int corner(int r, int c, int m[r][c])
{
    int found = 0;
#pragma omp target map(to : m[0 : r][0 : c]) map(from : found)
    found = m[r - 1][c - 1];
    return found;
}

int main(void)
{
    int n = 7;
    int a[n], m[3][4];
#pragma omp target map(from : a[: n])
    for (int i = 0; i < n; i++)
        a[i] = i * i;
#pragma omp target parallel for map(from : m[0 : 3][0 : 4])
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            m[i][j] = i + j;
#pragma omp target map(tofrom : a[n / 2 : n - n / 2])
    for (int i = n / 2; i < n; i++)
        a[i] = -a[i];
    printf("%d %d %d %d\n", a[2], a[3], a[6], corner(3, 4, m));
    return 0;
}
