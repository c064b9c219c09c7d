/* 64 MiB of which one byte in every fourth page changes, a different one each round, with both trackers. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t size = (size_t)64 << 20, pages = size / 4096;
    unsigned char *a = calloc(size, 1);
    for (size_t round = 0; round < 2; ++round) {
#pragma omp parallel for schedule(static, 64)
        for (size_t p = round; p < pages; p += 4)
            a[p * 4096 + (p * 61 + round) % 4096] += (unsigned char)(p % 250 + 1);
    }
    unsigned long sum = 0;
    for (size_t i = 0; i < size; i += 1)
        if (a[i])
            sum = sum * 31 + i + a[i];
    printf("%lu\n", sum);
    free(a);
    return 0;
}
