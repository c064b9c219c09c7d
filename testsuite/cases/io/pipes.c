/* A pipe and a process that serial code opened: written and read by the threads of a region, in turn. */
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    int ends[2], got = 0;
    char text[64] = "";
    FILE *sorter = popen("sort", "w");
    if (pipe(ends) != 0 || sorter == NULL)
        return 1;
#pragma omp parallel
    for (int i = 0; i < 12; ++i) {
        if (i % omp_get_num_threads() == omp_get_thread_num()) {
            char letter = (char)('a' + i);
            got += (int)write(ends[1], &letter, 1);
            fprintf(sorter, "line %02d\n", 11 - i);
        }
#pragma omp barrier
    }
    fflush(stdout);
    int status = pclose(sorter);
#pragma omp parallel num_threads(2)
    if (omp_get_thread_num() == omp_get_num_threads() - 1)
        got = (int)read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    close(ends[1]);
    printf("%d %s %d\n", got, text, status);
    return 0;
}
