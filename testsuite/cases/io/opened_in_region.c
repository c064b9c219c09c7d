/* Streams and descriptors that thread 0 opens in a region are used by all threads in the same region and the next, and by serial code. */
//# files: log.txt
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

static FILE *log_file;
static int descriptor;

int main(void)
{
    int failed = 0;
#pragma omp parallel reduction(+ : failed)
    {
#pragma omp master
        {
            log_file = fopen("log.txt", "w");
            descriptor = open("log.txt", O_WRONLY | O_APPEND);
        }
#pragma omp barrier
        for (int i = 0; i < 8; ++i) {
            if (i % omp_get_num_threads() == omp_get_thread_num()) {
                failed += fprintf(log_file, "%d in region\n", i) < 0;
                failed += fflush(log_file) != 0;
            }
#pragma omp barrier
        }
    }
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        failed += write(descriptor, "by descriptor\n", 14) != 14;
    failed += write(descriptor, "serial\n", 7) != 7;
    failed += close(descriptor) != 0;
    printf("%d %d\n", failed, fclose(log_file));
    return 0;
}
