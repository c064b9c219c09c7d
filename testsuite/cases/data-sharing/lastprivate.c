/* lastprivate of scalars, arrays, structs and of variables that are also firstprivate, at every schedule. */
#include <stdio.h>

struct pair { int a, b; };

int main(void)
{
    int x = -1, both = 5, arr[3] = {0};
    struct pair p = {0, 0};
    double d = 0;
#pragma omp parallel for lastprivate(x, arr, p)
    for (int i = 0; i < 37; ++i) {
        x = i;
        arr[0] = i, arr[1] = 2 * i, arr[2] = 3 * i;
        p.a = i, p.b = -i;
    }
    printf("%d %d %d %d %d %d\n", x, arr[0], arr[1], arr[2], p.a, p.b);
#pragma omp parallel for schedule(dynamic) lastprivate(d)
    for (int i = 100; i > 0; i -= 3)
        d = i / 2.0;
#pragma omp parallel for schedule(static, 2) firstprivate(both) lastprivate(both)
    for (int i = 0; i < 19; ++i)
        both = both * 0 + i;
    printf("%g %d\n", d, both);
#pragma omp parallel
    {
#pragma omp for lastprivate(x) schedule(guided)
        for (int i = 0; i < 50; ++i)
            x = i * i;
    }
    printf("%d\n", x);
    return 0;
}
