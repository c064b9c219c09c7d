/* Parameters of every kind shared in a region: scalars, arrays, two-dimensional arrays, functions, structs, K&R. */
#include <stdio.h>

struct big { int v[50]; };

static int twice(int x) { return 2 * x; }

static long mix(int n, int a[], double m[][4], int (*f)(int), struct big b, struct big *out, char tag)
{
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; ++i) {
        a[i] = f(a[i]) + b.v[i];
        m[i][i % 4] += 1.5;
        out->v[i] = a[i] + tag;
        sum += a[i];
    }
#pragma omp parallel
    {
#pragma omp single
        {
            n = 3;
            b.v[0] = 99;
            a += 1;
        }
    }
    return sum + n + b.v[0] + a[0];
}

static int old_style(n, a)
    int n;
    int *a;
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; ++i)
        sum += a[i];
    return sum;
}

int main(void)
{
    int a[50];
    double m[50][4] = {{0}}, s = 0;
    struct big b, out = {{0}};
    for (int i = 0; i < 50; ++i)
        a[i] = i, b.v[i] = i * i;
    long r = mix(50, a, m, twice, b, &out, 'z');
    for (int i = 0; i < 50; ++i)
        for (int k = 0; k < 4; ++k)
            s += m[i][k];
    printf("%ld %g %d %d %d\n", r, s, out.v[49], b.v[0], old_style(50, a));
    return 0;
}
