/* volatile, register, restrict and similar qualifiers on shared locals. */
#include <stdio.h>

int main(void)
{
    volatile int v = 1;
    register int r = 2;
    int data[100], *restrict p = data;
    const char *const text = "constant";
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 100; ++i) {
        p[i] = i * r;
        sum += p[i] + v + text[i % 8];
    }
#pragma omp parallel
    {
#pragma omp single
        v = 17;
    }
    printf("%ld %d %s\n", sum, v, text);
    return 0;
}
