//# env: OMP_NUM_THREADS=3,2
//# env: OMP_THREAD_LIMIT=100
//# env: OMP_DYNAMIC=false
//# skip-oracle
/* OMP_NUM_THREADS as a list: a size for each level of nesting, which also makes nesting possible. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int wrong = omp_get_max_threads() != 3 || omp_get_max_active_levels() < 2 || omp_get_thread_limit() != 100;
#pragma omp parallel reduction(+ : wrong)
    {
        wrong += omp_get_num_threads() != 3 || omp_get_max_threads() != 2;
#pragma omp parallel reduction(+ : wrong)
        wrong += omp_get_num_threads() != 2 || omp_get_team_size(1) != 3 || omp_get_max_threads() != 2;
    }
    printf("%d\n", wrong);
    return wrong;
}
