/* calloc returns zeros where freed memory was full of other bytes, in serial code and in every thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *p[32];

static int dirty(const unsigned char *a, size_t n)
{
    int count = 0;
    for (size_t i = 0; i < n; ++i)
        count += a[i] != 0;
    return count;
}

int main(void)
{
    int wrong = 0;
    for (int round = 0; round < 8; ++round) {
#pragma omp parallel for
        for (int i = 0; i < 32; ++i) {
            p[i] = malloc(1000 + (size_t)i * 500);
            memset(p[i], 0xee, 1000 + (size_t)i * 500);
        }
#pragma omp parallel for schedule(static, 1)
        for (int i = 0; i < 32; ++i)
            free(p[31 - i]);
#pragma omp parallel for reduction(+ : wrong)
        for (int i = 0; i < 32; ++i) {
            unsigned char *z = calloc(100 + (size_t)i, 20);
            wrong += dirty(z, (100 + (size_t)i) * 20);
            memset(z, 0x33, (100 + (size_t)i) * 20);
            free(z);
        }
        unsigned char *z = calloc(1, 20000);
        wrong += dirty(z, 20000);
        memset(z, 0x44, 20000);
        free(z);
    }
    printf("%d\n", wrong);
    return 0;
}
