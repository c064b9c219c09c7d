//# ranks: 2 4
//# run-error: opened it in a region, and it exists there only
/* A descriptor that another rank's thread opened in a region, used by serial code: an error that names the rank. */
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

static int descriptor;

int main(void)
{
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        descriptor = open("own.txt", O_WRONLY | O_CREAT, 0644);
    return write(descriptor, "serial\n", 7) != 7;
}
