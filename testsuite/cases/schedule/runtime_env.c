//# env: OMP_SCHEDULE=dynamic,7
/* schedule(runtime) follows OMP_SCHEDULE. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_sched_t kind;
    int chunk, sum = 0;
    omp_get_schedule(&kind, &chunk);
#pragma omp parallel for schedule(runtime) reduction(+ : sum)
    for (int i = 0; i < 500; ++i)
        sum += i;
    printf("%d %d %d\n", (int)(kind & 0x7fffffff), chunk, sum);
    return 0;
}
