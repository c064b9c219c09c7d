/* The directive that is meant depends on the block and on the type of the list item. */
#include <stdio.h>
#pragma omp declare reduction(pick : int : omp_out = omp_in > omp_out ? omp_in : omp_out) initializer(omp_priv = -100)
#pragma omp declare reduction(pick : double, long : omp_out += omp_in) initializer(omp_priv = 0)
static int inner(const int *v, int n)
{
#pragma omp declare reduction(pick : int : omp_out = omp_in < omp_out ? omp_in : omp_out) initializer(omp_priv = 100)
    int x = 50;
#pragma omp parallel for reduction(pick : x)
    for (int i = 0; i < n; i++)
        if (v[i] < x)
            x = v[i];
    return x;
}
int main(void)
{
    int v[40], x = -5;
    double d = 0.5;
    long l = 3;
    for (int i = 0; i < 40; i++)
        v[i] = (i * 13) % 41;
#pragma omp parallel for reduction(pick : x, d, l)
    for (int i = 0; i < 40; i++) {
        if (v[i] > x)
            x = v[i];
        d += v[i];
        l += 2 * v[i];
    }
    printf("%d %g %ld %d\n", x, d, l, inner(v, 40));
    {
#pragma omp declare reduction(pick : int : omp_out ^= omp_in)
        x = 0;
#pragma omp parallel for reduction(pick : x)
        for (int i = 0; i < 40; i++)
            x ^= v[i];
        printf("%d\n", x);
    }
    return 0;
}
