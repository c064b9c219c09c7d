/* if(0) runs the region as a team of one, if(1) as a full team. */
#include <omp.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int alone = 0, many = 0, in_parallel = 0;
    (void)argv;
#pragma omp parallel if (argc > 100)
    {
        alone += omp_get_num_threads();
        in_parallel += omp_in_parallel();
    }
#pragma omp parallel if (argc == 1)
    if (omp_get_thread_num() == 0)
        many = omp_get_num_threads();
#pragma omp parallel if (parallel : argc > 100) num_threads(4)
    alone += omp_get_num_threads();
    printf("%d %d %d\n", alone, in_parallel, many == omp_get_max_threads());
    return 0;
}
