//# ranks: 1 2 3 4
/* schedule(runtime) follows omp_set_schedule: static,2 maps iterations to threads in a known way. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int who[12];
    omp_set_schedule(omp_sched_static, 2);
#pragma omp parallel for schedule(runtime)
    for (int i = 0; i < 12; ++i)
        who[i] = omp_get_thread_num();
    for (int i = 0; i < 12; ++i)
        printf("%d", who[i]);
    printf("\n");
    return 0;
}
