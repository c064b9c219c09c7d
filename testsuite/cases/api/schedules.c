//# env: OMP_SCHEDULE=monotonic:guided,5
/* Schedules are set and returned with their modifier and chunk, and inherited by regions. */
#include <omp.h>
#include <stdio.h>

static void show(void)
{
    omp_sched_t kind;
    int chunk;
    omp_get_schedule(&kind, &chunk);
    printf("%x %d\n", (unsigned)kind, chunk);
}

int main(void)
{
    int wrong = 0;
    show();
    omp_set_schedule(omp_sched_static, 0);
    show();
    omp_set_schedule((omp_sched_t)(omp_sched_dynamic | omp_sched_monotonic), 7);
    show();
    omp_set_schedule(omp_sched_guided, -1);
    show();
    omp_set_schedule(omp_sched_dynamic, 3);
#pragma omp parallel reduction(+ : wrong)
    {
        omp_sched_t kind;
        int chunk;
        omp_get_schedule(&kind, &chunk);
        wrong += kind != omp_sched_dynamic || chunk != 3;
        omp_set_schedule(omp_sched_static, omp_get_thread_num() + 1);
        omp_get_schedule(&kind, &chunk);
        wrong += kind != omp_sched_static || chunk != omp_get_thread_num() + 1;
    }
    show();
    printf("%d\n", wrong);
    return 0;
}
