/* Regions inside regions: numbers, sizes and ancestors at each level; reductions, loops and singles of the inner teams. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int wrong = 0, singles = 0;
    long sum = 0;
    omp_set_max_active_levels(3);
#pragma omp parallel num_threads(2) reduction(+ : wrong, singles, sum)
    {
        int outer = omp_get_thread_num();
#pragma omp parallel num_threads(3) reduction(+ : wrong, singles, sum)
        {
            wrong += omp_get_level() != 2 || omp_get_active_level() != 2;
            wrong += omp_get_num_threads() != 3 || omp_get_team_size(1) != 2 || omp_get_team_size(2) != 3;
            wrong += omp_get_ancestor_thread_num(1) != outer;
            wrong += omp_get_ancestor_thread_num(2) != omp_get_thread_num();
            wrong += omp_get_ancestor_thread_num(0) != 0 || omp_get_ancestor_thread_num(3) != -1;
#pragma omp for schedule(dynamic, 7)
            for (int i = 0; i < 100; ++i)
                sum += i;
#pragma omp for schedule(guided) nowait
            for (int i = 0; i < 100; ++i)
                sum += i;
#pragma omp single
            ++singles;
#pragma omp parallel num_threads(2) reduction(+ : wrong)
            {
                wrong += omp_get_level() != 3 || omp_get_num_threads() != 2;
#pragma omp parallel num_threads(4) reduction(+ : wrong)
                wrong += omp_get_num_threads() != 1 || omp_get_level() != 4 || omp_get_active_level() != 3;
            }
        }
    }
    printf("%d %d %ld\n", wrong, singles, sum);
    return 0;
}
