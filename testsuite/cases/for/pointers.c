/* Loop variables that are pointers, with strides and downwards. */
#include <stdio.h>

struct pair { int a; char b; };

int main(void)
{
    double x[100];
    struct pair p[50];
    int bytes = 0;
    char text[] = "the quick brown fox jumps over the lazy dog";
#pragma omp parallel for
    for (double *q = x; q < x + 100; ++q)
        *q = (double)(q - x) * 0.5;
#pragma omp parallel for
    for (struct pair *q = p + 49; q >= p; q -= 1)
        q->a = (int)(q - p) * 3, q->b = (char)('a' + (q - p) % 26);
#pragma omp parallel for reduction(+ : bytes)
    for (const char *q = text; q != text + sizeof text - 1; q++)
        bytes += *q;
#pragma omp parallel for
    for (double *q = x; q <= x + 99; q += 10)
        *q = -*q;
    double s = 0;
    long t = 0;
    for (int i = 0; i < 100; ++i)
        s += x[i];
    for (int i = 0; i < 50; ++i)
        t = t * 7 + p[i].a + p[i].b, t %= 1000003;
    printf("%g %ld %d\n", s, t, bytes);
    return 0;
}
