//# ranks: 2 4
//# run-error: descriptor
/* A descriptor opened by serial code and read in a region by another rank: an error that names it. */
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    char bytes[16];
    int fd = open("/etc/passwd", O_RDONLY), got = 0;
#pragma omp parallel reduction(+ : got)
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        got += read(fd, bytes, sizeof bytes) > 0;
    printf("%d\n", got);
    return 0;
}
