//# ranks: 2
//# trackers: wp-async
//# timeout: 120
/* A gigabyte of which one byte per page changes, by both threads. Needs about 6 GiB: the array and its baseline twice. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    size_t size = (size_t)1 << 30, pages = size / 4096;
    unsigned char *a = calloc(size, 1);
    if (!a)
        return perror("calloc"), 1;
    for (int round = 0; round < 2; ++round) {
#pragma omp parallel for
        for (size_t p = 0; p < pages; ++p)
            a[p * 4096 + p % 4096] += (unsigned char)(p % 250 + 1);
    }
    unsigned long sum = 0;
    for (size_t p = 0; p < pages; ++p)
        sum = sum * 31 + a[p * 4096 + p % 4096];
    printf("%lu\n", sum);
    free(a);
    return 0;
}
