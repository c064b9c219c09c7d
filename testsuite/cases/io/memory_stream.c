//# ranks: 2 4
//# run-error: it has no descriptor that could be passed to another process
/* A stream in memory cannot be shared: an error that names it. */
#include <omp.h>
#include <stdio.h>

static char buffer[100];

int main(void)
{
    FILE *file = fmemopen(buffer, sizeof buffer, "w");
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        fprintf(file, "thread\n");
    return fclose(file);
}
