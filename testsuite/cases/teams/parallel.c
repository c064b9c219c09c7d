/* parallel regions inside of teams, with variables of all of the levels. */
#include <omp.h>
#include <stdio.h>

#define N 40

int main(void)
{
    int a[N] = {0}, offset = 100;
#pragma omp teams num_teams(2) firstprivate(offset)
    {
        int team = omp_get_team_num(), local = 5;
        offset += team;
#pragma omp parallel for
        for (int i = 0; i < N; i++)
            if (i % omp_get_num_teams() == team)
                a[i] = i + offset - team + local;
#pragma omp parallel
        {
#pragma omp master
            local++;
        }
        a[team] += local - 6;
    }
    int sum = 0;
    for (int i = 0; i < N; i++)
        sum += a[i];
    printf("%d %d\n", sum, offset);
    return 0;
}
