/* Every way to write an atomic update. */
#include <stdio.h>

int main(void)
{
    int a = 0, b = 0, c = 100, d = 100, e = 1, f = 0, g = 0, h = 0, s[4] = {0, 0, 0, 0};
    double q = 1 << 20;
    struct { int pad; short field; } r = {0, 0};
    int *p = &s[2];
#pragma omp parallel for
    for (int i = 0; i < 12; ++i) {
#pragma omp atomic
        a++;
#pragma omp atomic update
        ++b;
#pragma omp atomic
        c--;
#pragma omp atomic
        --d;
#pragma omp atomic
        e <<= 1;
#pragma omp atomic
        f = f + i;
#pragma omp atomic
        g = i + g;
#pragma omp atomic
        h |= 1 << i;
#pragma omp atomic
        *p += 2;
#pragma omp atomic
        s[i % 2] -= i;
#pragma omp atomic
        r.field += 3;
#pragma omp atomic
        q /= 2;
    }
    printf("%d %d %d %d %d %d %d %d %d %d %d %d %g\n", a, b, c, d, e, f, g, h, s[0], s[1], s[2], r.field, q);
    return 0;
}
