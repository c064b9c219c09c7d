//# skip-oracle
/* lastprivate of an empty loop leaves the original alone (the specification leaves its value open; gcc stores garbage). */
#include <stdio.h>

static int global = 31;

int main(void)
{
    int x = 77, n = 0, arr[3] = {1, 2, 3};
    double d = 2.5;
#pragma omp parallel for lastprivate(x, arr, global)
    for (int i = 0; i < n; ++i)
        x = arr[0] = arr[1] = arr[2] = global = i;
#pragma omp parallel
    {
#pragma omp for lastprivate(d) schedule(dynamic)
        for (int i = n; i < -5; ++i)
            d = i;
    }
    printf("%d %d %d %d %d %g\n", x, arr[0], arr[1], arr[2], global, d);
    return x != 77 || arr[0] != 1 || arr[1] != 2 || arr[2] != 3 || global != 31 || d != 2.5;
}
