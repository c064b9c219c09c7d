/* `declare simd` stays before its function although regions are outlined from that. */
#include <stdio.h>

static int calls;

#pragma omp declare simd uniform(b) linear(a : b)
__attribute__((noinline)) int next(int a, int b)
{
#pragma omp parallel num_threads(2)
    {
#pragma omp atomic
        calls++;
    }
    return a + b;
}

int main(void)
{
    printf("%d", next(3, 4));
    printf(" %d\n", calls);
    return 0;
}
