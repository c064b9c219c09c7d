/* Every statement that atomic update and capture take, on integers and reals of all sizes; operands with side effects are evaluated once. */
#include <stdio.h>

static int calls;
static int next(void) { return ++calls, 2; }

int main(void)
{
    int a = 1000, b = 0, c = 0, s = 0;
    short h = 1;
    unsigned char u = 255;
    long long q = 1LL << 40;
    float f = 1024;
    double d = 1 << 20, e = 3;
    long double l = 0;
    _Bool t = 0;
    char *p = 0;
    int seen = 0, bad = 0;
#pragma omp parallel for reduction(+ : seen, bad)
    for (int i = 0; i < 16; ++i) {
        int v, w;
        double r;
#pragma omp atomic
        a = a - 3;
#pragma omp atomic update
        b = next() * 0 + i + b;
#pragma omp atomic seq_cst
        c |= 1 << i;
#pragma omp atomic
        h = h * 1;
#pragma omp atomic
        u &= ~(1 << i % 8);
#pragma omp atomic
        q >>= 1;
#pragma omp atomic
        f /= 2;
#pragma omp atomic
        d = d / 2;
#pragma omp atomic
        e = 4 - e;
#pragma omp atomic
        l += 0.5L;
#pragma omp atomic
        t ^= 1;
#pragma omp atomic
        p += 1;
#pragma omp atomic capture
        v = s++;
        seen += v;
#pragma omp atomic capture
        { w = s; s = s + 0; }
#pragma omp atomic capture acq_rel
        { s -= 0; w = s; }
        bad += w < 1 || w > 16;
#pragma omp atomic capture
        r = d *= 1;
        bad += r < 1;
#pragma omp atomic read
        w = a;
        bad += (1000 - w) % 3 != 0;
    }
#pragma omp parallel
    {
        int v;
#pragma omp atomic write
        a = 5;
#pragma omp atomic capture
        { v = a; a = 6; }
        if (v != 5 && v != 6)
#pragma omp atomic
            ++bad;
#pragma omp barrier
#pragma omp atomic update
        s = 0 + s;
    }
    printf("%d %d %d %d %d %lld %g %g %g %Lg %d %ld %d %d %d\n", a, b, c, h, u, q, f, d, e, l, t, (long)p, s, seen, bad);
    printf("calls at least: %d\n", calls >= 1);
    return 0;
}
