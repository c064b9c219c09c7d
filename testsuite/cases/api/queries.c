/* The query functions in serial code and inside a region. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int max = omp_get_max_threads(), wrong = 0, serial = 0;
    serial += omp_get_num_threads() != 1;
    serial += omp_get_thread_num() != 0;
    serial += omp_in_parallel() != 0;
    serial += omp_get_level() != 0;
    serial += omp_get_active_level() != 0;
    serial += omp_get_team_size(0) != 1;
    serial += omp_get_ancestor_thread_num(0) != 0;
    serial += omp_get_thread_limit() < max;
    serial += omp_get_num_procs() < 1;
    serial += omp_get_dynamic() != 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num();
        wrong += omp_get_num_threads() != max;
        wrong += me < 0 || me >= max;
        wrong += omp_in_parallel() != (max > 1);
        wrong += omp_get_level() != 1;
        wrong += omp_get_active_level() != (max > 1);
        wrong += omp_get_team_size(1) != max || omp_get_team_size(0) != 1;
        wrong += omp_get_ancestor_thread_num(1) != me || omp_get_ancestor_thread_num(0) != 0;
        wrong += omp_get_team_size(2) != -1;
    }
    printf("%d %d\n", serial, wrong);
    return 0;
}
