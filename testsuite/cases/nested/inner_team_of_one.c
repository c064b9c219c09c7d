/* A nested region is a team of one: every thread of the outer runs it for itself. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int hits = 0, wrong = 0, sums[64] = {0};
    omp_set_max_active_levels(1);
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), mine = 0;
#pragma omp parallel reduction(+ : mine)
        {
            mine += omp_get_num_threads() * 10 + omp_get_thread_num();
#pragma omp for
            for (int i = 0; i < 5; ++i)
                mine += i;
#pragma omp single
            mine += 100;
        }
        sums[me] = mine;
        wrong += mine != 120 || omp_get_thread_num() != me;
#pragma omp critical
        ++hits;
    }
    int team = omp_get_max_threads(), total = 0;
    for (int i = 0; i < 64; ++i)
        total += sums[i];
    printf("%d %d %d\n", wrong, hits == team, total == 120 * team);
    return 0;
}
