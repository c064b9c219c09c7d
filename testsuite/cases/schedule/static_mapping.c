//# ranks: 1 2 4
/* Which thread runs which iteration of a static schedule is fixed by the specification when a chunk size is given. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int who[24];
#pragma omp parallel for schedule(static, 3)
    for (int i = 0; i < 24; ++i)
        who[i] = omp_get_thread_num();
    for (int i = 0; i < 24; ++i)
        printf("%d", who[i]);
    printf("\n");
#pragma omp parallel for schedule(static)
    for (int i = 0; i < 24; ++i)
        who[i] = omp_get_thread_num();
    for (int i = 0; i < 24; ++i)
        printf("%d", who[i]);
    printf("\n");
    return 0;
}
