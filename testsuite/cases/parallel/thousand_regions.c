/* A thousand regions at every team size, serial writes between them. */
#include <stdio.h>

static int a[256];

int main(void)
{
    for (int round = 0; round < 1000; ++round) {
        a[round % 256] += round;
#pragma omp parallel for
        for (int i = 0; i < 256; ++i)
            a[i] += i ^ round;
    }
    long sum = 0;
    for (int i = 0; i < 256; ++i)
        sum = sum * 31 + a[i];
    printf("%ld\n", sum);
    return 0;
}
