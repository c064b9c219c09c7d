/* lastprivate(conditional:) on simd, and on the composite forms. */
#include <stdio.h>

int main(void)
{
    int p[64], a = -1, b = -1, c = -1, d = -7;
    for (int i = 0; i < 64; ++i)
        p[i] = i % 7 == 3 && i < 40;
#pragma omp simd lastprivate(conditional : a)
    for (int i = 0; i < 64; i++)
        if (p[i])
            a = i;
#pragma omp parallel
#pragma omp for simd lastprivate(conditional : b) schedule(static, 4)
    for (int i = 0; i < 64; i++)
        if (p[i])
            b = i;
#pragma omp parallel for simd lastprivate(conditional : c)
    for (int i = 0; i < 64; i++)
        if (p[i])
            c = i;
#pragma omp parallel for firstprivate(d) lastprivate(conditional : d)
    for (int i = 0; i < 64; i++)
        if (p[i] && i == 17)
            d += i;
    printf("%d %d %d %d\n", a, b, c, d);
    return 0;
}
