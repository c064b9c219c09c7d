/* aligned_alloc, posix_memalign and malloc give aligned, disjoint memory in every thread. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *p[60];

int main(void)
{
    int wrong = 0;
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < 60; ++i) {
        size_t alignment = (size_t)16 << (i % 9), size = alignment * (size_t)(1 + i % 3);
        if (i % 3 == 0)
            p[i] = aligned_alloc(alignment, size);
        else if (i % 3 == 1)
            wrong += posix_memalign(&p[i], alignment, size) != 0;
        else
            p[i] = malloc(size), alignment = 16;
        wrong += !p[i] || (uintptr_t)p[i] % alignment != 0;
        memset(p[i], i, 16);
    }
    for (int i = 0; i < 60; ++i) {
        wrong += ((unsigned char *)p[i])[0] != i || ((unsigned char *)p[i])[15] != i;
        free(p[i]);
    }
    printf("%d\n", wrong);
    return 0;
}
