/* Every operator on integers; + * - min max on floating point with values that are exact in any order. */
#include <limits.h>
#include <stdio.h>

int main(void)
{
    int add = 5, mul = 2, sub = 100, band = -1, bor = 0, bxor = 9, land = 1, lor = 0, lor0 = 0, lo = INT_MAX, hi = INT_MIN;
    double dadd = 0.5, dmul = 1, dsub = 3, dlo = 1e9, dhi = -1e9;
#pragma omp parallel for reduction(+ : add, dadd) reduction(* : mul, dmul) reduction(- : sub, dsub) reduction(& : band) \
    reduction(| : bor) reduction(^ : bxor) reduction(&& : land) reduction(|| : lor, lor0) reduction(min : lo, dlo)       \
    reduction(max : hi, dhi)
    for (int i = 0; i < 40; ++i) {
        add += i;
        if (i % 7 == 0)
            mul *= 3, dmul *= 4;
        sub -= i;
        band &= ~(1 << (i % 5));
        bor |= 1 << (i % 20);
        bxor ^= i * i;
        land = land && i < 40;
        lor = lor || i == 33;
        lor0 = lor0 || i == 40;
        int v = (i * 17) % 41 - 20;
        if (v < lo)
            lo = v;
        if (v > hi)
            hi = v;
        dadd += i * 0.25;
        dsub -= i * 0.5;
        dlo = dlo < v / 4.0 ? dlo : v / 4.0;
        dhi = dhi > v / 4.0 ? dhi : v / 4.0;
    }
    printf("%d %d %d %d %d %d %d %d %d %d %d\n", add, mul, sub, band, bor, bxor, land, lor, lor0, lo, hi);
    printf("%g %g %g %g %g\n", dadd, dmul, dsub, dlo, dhi);
    return 0;
}
