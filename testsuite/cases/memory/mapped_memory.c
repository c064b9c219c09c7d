/* Memory from mmap, anonymous or of a file, made by serial code and by regions: every thread reads and writes it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
#define COUNT (1 << 16)

static void *map(size_t length, int protection, int flags, int file, off_t offset)
{
    void *memory = mmap(NULL, length, protection, flags, file, offset);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

int main(void)
{
    int wrong = 0;
    int *numbers = map(COUNT * sizeof(int), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < COUNT; ++i) wrong += numbers[i] != 0;
#pragma omp parallel for
    for (int i = 0; i < COUNT; ++i) numbers[i] = 3 * i;
    for (int i = 0; i < COUNT; ++i) wrong += numbers[i] != 3 * i;

    /* A file: bytes that the program may change for itself, and bytes that it only reads. */
    int file = open("numbers.bin", O_RDWR | O_CREAT | O_TRUNC, 0600);
    wrong += write(file, numbers, COUNT * sizeof(int)) != (ssize_t)(COUNT * sizeof(int));
    wrong += write(file, "tail", 4) != 4;
    close(file);
    file = open("numbers.bin", O_RDONLY);
    int *copy = map(COUNT * sizeof(int), PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    const int *view = map(COUNT * sizeof(int) - PAGE, PROT_READ, MAP_SHARED, file, PAGE);
    const char *tail = map(4, PROT_READ, MAP_SHARED, file, COUNT * sizeof(int));
    close(file);
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < COUNT; ++i) {
        wrong += copy[i] != 3 * i;
        if (i >= PAGE / (int)sizeof(int)) wrong += view[i - PAGE / sizeof(int)] != 3 * i;
        if (i % 1000 == 0) wrong += memcmp(tail, "tail\0\0\0\0", 8) != 0;
        copy[i] = -i;
    }
    for (int i = 0; i < COUNT; ++i) wrong += copy[i] != -i;
    wrong += munmap((void *)view, COUNT * sizeof(int) - PAGE) != 0;
    wrong += munmap((void *)tail, 4) != 0;

    /* It grows, is given up and protected. */
    numbers = mremap(numbers, COUNT * sizeof(int), 4 * COUNT * sizeof(int), MREMAP_MAYMOVE);
    if (numbers == MAP_FAILED) return 1;
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < 4 * COUNT; ++i) wrong += numbers[i] != (i < COUNT ? 3 * i : 0);
    wrong += madvise(numbers, COUNT * sizeof(int), MADV_DONTNEED) != 0;
    wrong += mprotect(copy, PAGE, PROT_READ) != 0;
    wrong += mprotect(copy, PAGE, PROT_READ | PROT_WRITE) != 0;
#pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < COUNT; ++i) {
        wrong += numbers[i] != 0 || copy[i] != -i;
        copy[i] = numbers[i] = i;
    }
    for (int i = 0; i < COUNT; ++i) wrong += numbers[i] != i || copy[i] != i;

    /* A region makes some, others use it. */
    long *made[64] = {0};
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        made[me] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        *made[me] = 100 + me;
#pragma omp barrier
        wrong += *made[(me + 1) % team] != 100 + (me + 1) % team;
#pragma omp barrier
        wrong += munmap(made[(me + 1) % team], PAGE) != 0;
    }
    munmap(numbers, 4 * COUNT * sizeof(int));
    munmap(copy, COUNT * sizeof(int));
    printf("%d wrong\n", wrong);
    return wrong != 0;
}
