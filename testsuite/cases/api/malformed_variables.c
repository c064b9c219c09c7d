//# env: OMP_SCHEDULE=fastest
//# env: OMP_PLACES=somewhere
//# env: OMP_PROC_BIND=tightly
//# env: OMP_STACKSIZE=lots
//# env: OMP_WAIT_POLICY=lazy
//# env: OMP_MAX_ACTIVE_LEVELS=-1
//# env: OMP_CANCELLATION=perhaps
//# skip-oracle
/* Malformed values are warned of, and the defaults hold. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_sched_t kind;
    int chunk, sum = 0, wrong;
    omp_get_schedule(&kind, &chunk);
    wrong = kind != omp_sched_dynamic || chunk != 1 || omp_get_num_places() != 0 || omp_get_proc_bind() != omp_proc_bind_false;
    wrong += omp_get_max_active_levels() != 1 || omp_get_cancellation();
#pragma omp parallel for schedule(runtime) reduction(+ : sum)
    for (int i = 0; i < 100; ++i)
        sum += i;
    return wrong || sum != 4950;
}
