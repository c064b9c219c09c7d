/* Every type and modifier of map, on whole variables, sections and members: the host's memory is the device's. */
#include <stdio.h>
#include <stdlib.h>

struct box { int n; double *v; int w[4]; };

int main(void)
{
    int a[8], n = 8, s = 3;
    struct box b = {4, malloc(4 * sizeof(double)), {1, 2, 3, 4}};
    for (int i = 0; i < 8; i++)
        a[i] = i;
    for (int i = 0; i < 4; i++)
        b.v[i] = 0.5 * i;
#pragma omp target map(to : n) map(tofrom : a[0 : n], s)
    {
        for (int i = 0; i < n; i++)
            a[i] += s;
        s = 20;
    }
#pragma omp target map(always, tofrom : s) map(from : a[2 : 3])
    for (int i = 2; i < 5; i++)
        a[i] = s * i;
#pragma omp target map(tofrom : b.v[0 : b.n], b.w) map(to : b.n)
    for (int i = 0; i < b.n; i++)
        b.v[i] += b.w[i];
#pragma omp target map(b)
    b.w[3] = 99;
#pragma omp target map(close, to : a)
    a[0] += 0;
    for (int i = 0; i < 8; i++)
        printf("%d ", a[i]);
    printf("%d %g %g %d\n", s, b.v[0], b.v[3], b.w[3]);
    free(b.v);
    return 0;
}
