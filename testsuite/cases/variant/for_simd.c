/* A variant for simd takes vectors: it is for the host compiler's simd loops, never for a call as it is written. */
#include <stdio.h>

typedef int vector __attribute__((vector_size(16)));
vector many(vector);
#pragma omp declare variant(many) match(construct = {simd(simdlen(4), notinbranch)})
__attribute__((noinline)) int one(int x)
{
    return x + 1;
}
vector many(vector x)
{
    return x + 1;
}

int main(void)
{
    int a[64], sum = 0;
#pragma omp parallel for
    for (int i = 0; i < 64; ++i)
        a[i] = i;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 64; ++i)
        sum += one(a[i]);
    printf("%d\n", sum);
    return 0;
}
