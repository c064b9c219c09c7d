/* A stream opened by serial code and written by every thread in turn, between barriers and in criticals. */
//# files: log.txt
#include <omp.h>
#include <stdio.h>

int main(void)
{
    FILE *log = fopen("log.txt", "w");
    int lines = 0;
    fprintf(log, "serial begins");
#pragma omp parallel
    for (int i = 0; i < 24; ++i) {
        if (i % omp_get_num_threads() == omp_get_thread_num())
            fprintf(log, " | %d", i);
#pragma omp barrier
    }
    fprintf(log, " | serial ends\n");
#pragma omp parallel for
    for (int i = 0; i < 40; ++i) {
#pragma omp critical
        {
            ++lines;
            fprintf(log, "line %d\n", lines);
        }
    }
    fprintf(log, "%d lines\n", lines);
    return fclose(log);
}
