//# ranks: 2, 4
//# run-error: in a mapping of 'shared.bin' by rank 0
//# run-error: mapping_of_a_rank.c:18
/* A writable mapping of a file exists in the process that made it: who else uses it is told so. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = open("shared.bin", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || ftruncate(file, 1 << 16) != 0) return 1;
    char *bytes = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (bytes == MAP_FAILED) return 1;
    bytes[0] = 1;
    close(file);
#pragma omp parallel for
    for (int i = 0; i < 1 << 16; ++i) bytes[i] = 2;
    printf("not reached\n");
    return 0;
}
