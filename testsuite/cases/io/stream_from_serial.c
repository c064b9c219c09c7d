//# ranks: 2 4
//# run-error: log.txt
/* A stream opened by serial code and written in a region by another rank: an error that names it. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    FILE *log = fopen("log.txt", "w");
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        fprintf(log, "from thread %d\n", omp_get_thread_num());
    return fclose(log);
}
