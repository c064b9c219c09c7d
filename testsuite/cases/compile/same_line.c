/* Several regions on one source line, from one macro, in one function and in two. */
#include <stdio.h>

#define FILL(a, f) _Pragma("omp parallel for") for (int i = 0; i < 20; ++i) a[i] = (f)
#define BOTH(a, b) FILL(a, i * 2); FILL(b, a[i] + 1)

static void other(int *a, int *b) { BOTH(a, b); }

int main(void)
{
    int a[20], b[20], c[20], d[20], sum = 0;
    BOTH(a, b); BOTH(c, d);
    other(a, c);
    for (int i = 0; i < 20; ++i)
        sum = sum * 3 % 10007 + a[i] + b[i] + c[i] + d[i];
    printf("%d\n", sum);
    return 0;
}
