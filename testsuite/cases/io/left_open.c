/* Streams that a region opens and nobody closes are written out when the program ends. */
#include <omp.h>
#include <stdio.h>


int main(void)
{
#pragma omp parallel
    {
        char name[32];
        snprintf(name, sizeof name, "open-%d.txt", omp_get_thread_num());
        FILE *file = fopen(name, "w");
        if (file != NULL)
            fprintf(file, "thread %d\n", omp_get_thread_num());
    }
    return 0;
}
