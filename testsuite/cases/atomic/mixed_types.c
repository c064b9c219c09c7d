/* The operand has another type than the variable; C's conversions apply. */
#include <stdio.h>

int main(void)
{
    int i1 = 10;
    unsigned char u8 = 250;
    float f = 1;
    long l = 5;
    double d = 0;
#pragma omp parallel for
    for (int i = 0; i < 8; ++i) {
#pragma omp atomic
        i1 += 2.0;
#pragma omp atomic
        u8 += 1000 + i;
#pragma omp atomic
        f += i;
#pragma omp atomic
        l -= (char)i;
#pragma omp atomic
        d += i1 * 0 + 1;
    }
    printf("%d %d %g %ld %g\n", i1, u8, f, l, d);
    return 0;
}
