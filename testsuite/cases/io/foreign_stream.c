//# ranks: 2 4
//# run-error: opened it in a region, and it exists there only
//# run-error: own.txt
/* A stream that another rank's thread opened in a region, used by serial code: an error that names it. */
#include <omp.h>
#include <stdio.h>

static FILE *file;

int main(void)
{
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        file = fopen("own.txt", "w");
    fprintf(file, "serial\n");
    return fclose(file);
}
