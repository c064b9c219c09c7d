/* Every thread of a region starts with the settings of the code that started it, and what it sets ends with the region. */
#include <omp.h>
#include <stdio.h>

static void show(const char *when)
{
    omp_sched_t kind;
    int chunk;
    omp_get_schedule(&kind, &chunk);
    printf("%s: threads %d dynamic %d schedule %d,%d\n", when, omp_get_max_threads(), omp_get_dynamic(), (int)kind, chunk);
}

int main(void)
{
    int all = omp_get_max_threads(), wrong = 0;
    omp_set_num_threads(all > 1 ? all - 1 : 1);
    omp_set_schedule(omp_sched_static, 5);
    const int expected = omp_get_max_threads();
    show("before");
#pragma omp parallel num_threads(all) reduction(+ : wrong)
    {
        omp_sched_t kind;
        int chunk;
        omp_get_schedule(&kind, &chunk);
        wrong += omp_get_max_threads() != expected || kind != omp_sched_static || chunk != 5;
        omp_set_num_threads(1);
        omp_set_schedule(omp_sched_guided, 7);
#pragma omp parallel
        omp_set_schedule(omp_sched_dynamic, 9);
        omp_get_schedule(&kind, &chunk);
        wrong += kind != omp_sched_guided || chunk != 7;
    }
    printf("wrong %d\n", wrong);
    show("after");
    return 0;
}
