/* Twelve megabytes that all change in each region, written in serial code in between. */
#include <stdio.h>
#include <stdlib.h>

#define N (3 << 20)

int main(void)
{
    unsigned *a = malloc(N * sizeof *a);
    for (unsigned i = 0; i < N; ++i)
        a[i] = i;
    for (unsigned round = 0; round < 3; ++round) {
#pragma omp parallel for
        for (unsigned i = 0; i < N; ++i)
            a[i] = a[i] * 1664525u + round;
        for (unsigned i = 0; i < N; i += 1000)
            a[i] ^= a[N - 1 - i];
    }
    unsigned long sum = 0;
    for (unsigned i = 0; i < N; ++i)
        sum = sum * 31 + a[i];
    printf("%lu\n", sum);
    free(a);
    return 0;
}
