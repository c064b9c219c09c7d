/* memset, memcpy, memmove and qsort on shared memory inside regions, across page boundaries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART 5000

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(void)
{
    unsigned char *a = malloc(16 * PART), *b = malloc(16 * PART);
    int (*numbers)[200] = malloc(16 * sizeof *numbers);
    unsigned long hash = 0;
    for (int i = 0; i < 16 * PART; ++i)
        a[i] = (unsigned char)(i * 7);
#pragma omp parallel for
    for (int i = 0; i < 16; ++i) {
        memcpy(b + i * PART, a + (15 - i) * PART, PART);
        memset(b + i * PART + 100, i, 3000);
        memmove(b + i * PART + 10, b + i * PART, 400);
        for (int k = 0; k < 200; ++k)
            numbers[i][k] = (k * 7919 + i) % 1009;
        qsort(numbers[i], 200, sizeof(int), compare);
    }
    for (int i = 0; i < 16 * PART; ++i)
        hash = hash * 31 + b[i];
    for (int i = 0; i < 16; ++i)
        for (int k = 0; k < 200; ++k)
            hash = hash * 31 + (unsigned long)numbers[i][k];
    printf("%lu\n", hash);
    free(a);
    free(b);
    free(numbers);
    return 0;
}
