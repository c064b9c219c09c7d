/* teams: each initial thread executes the block; shared, private and firstprivate; the number of teams. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int hits[4] = {0}, f = 3, p = 1, s = 0;
#pragma omp teams num_teams(4) thread_limit(2) firstprivate(f) private(p) shared(hits, s)
    {
        p = omp_get_team_num();
        f += p;
        if (p < 4)
            hits[p] = f * (omp_get_num_teams() >= 1);
        s = 1;
    }
    printf("%d %d %d %d\n", hits[0], f, p, s >= 1 && s <= 4);
    return 0;
}
