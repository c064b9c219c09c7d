/* Levels, ancestors and team sizes in nested regions, active and not. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int wrong = 0, before = omp_get_max_active_levels();
    omp_set_max_active_levels(2);
    wrong += omp_get_max_active_levels() != 2 || !omp_get_nested();
#pragma omp parallel num_threads(2) reduction(+ : wrong)
    {
        int outer = omp_get_thread_num();
        wrong += omp_get_level() != 1 || omp_get_ancestor_thread_num(1) != outer;
#pragma omp parallel num_threads(3) reduction(+ : wrong)
        {
            wrong += omp_get_level() != 2 || omp_get_active_level() != (omp_get_team_size(1) > 1) + (omp_get_team_size(2) > 1);
            wrong += omp_get_ancestor_thread_num(0) != 0 || omp_get_ancestor_thread_num(1) != outer;
            wrong += omp_get_ancestor_thread_num(2) != omp_get_thread_num() || omp_get_ancestor_thread_num(3) != -1;
            wrong += omp_get_team_size(0) != 1 || omp_get_team_size(2) != omp_get_num_threads() || omp_get_team_size(-1) != -1;
#pragma omp parallel num_threads(2) if (outer >= 0) reduction(+ : wrong)
            wrong += omp_get_num_threads() > 1 && omp_get_active_level() > 2;
        }
    }
    omp_set_max_active_levels(-5);
    wrong += omp_get_max_active_levels() != 2;
    omp_set_nested(0);
    wrong += omp_get_max_active_levels() != 1;
    omp_set_max_active_levels(before);
    printf("%d %d\n", wrong, omp_get_supported_active_levels() >= 255);
    return 0;
}
