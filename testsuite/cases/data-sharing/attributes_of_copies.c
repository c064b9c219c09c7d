/* Copies are aligned as their originals, or as `allocate` asks; vectors and other attributes make the types what they are. */
#include <stdint.h>
#include <stdio.h>

static int misaligned(void *address, uintptr_t by)
{
    __asm__ volatile("" : "+r"(address));
    return ((uintptr_t)address & (by - 1)) != 0;
}

int main(void)
{
    int wide[257] __attribute__((aligned(256))) = {0};
    __attribute__((aligned(64))) char before = 1;
    _Alignas(128) char alignas = 1;
    char after __attribute__((aligned(64))), plain = 1;
    int vector __attribute__((vector_size(16))) = {1, 2, 3, 4};
    long narrow __attribute__((mode(SI))) = 5;
    int asked = 0, array[3] = {0}, bad = 0;
    after = 2;
#pragma omp parallel private(wide) firstprivate(before, alignas, after, vector, narrow, plain, asked, array) \
    allocate(align(128) : asked) allocate(align(64) : array) reduction(+ : bad)
    {
        bad += misaligned(wide, 256) + misaligned(&before, 64) + misaligned(&alignas, 128) + misaligned(&after, 64);
        bad += misaligned(&asked, 128) + misaligned(array, 64);
        bad += sizeof narrow != 4 || sizeof vector != 16 || vector[2] != 3 || plain != 1 || narrow != 5 || after != 2;
        bad += asked + array[1];
    }
#pragma omp parallel
#pragma omp single
#pragma omp task firstprivate(wide) shared(bad)
    bad += misaligned(wide, 256);
    printf("%d\n", bad);
    return 0;
}
