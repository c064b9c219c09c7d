//# compare: sorted
/* stdout and stderr through pointers that serial code stored. */
#include <omp.h>
#include <stdio.h>

static FILE *out;

int main(void)
{
    FILE *err = stderr;
    out = stdout;
#pragma omp parallel
    {
        fprintf(out, "thread %d\n", omp_get_thread_num());
        fprintf(err, "thread %d\n", omp_get_thread_num());
        fflush(out);
    }
    fprintf(out, "-- end\n");
    return 0;
}
