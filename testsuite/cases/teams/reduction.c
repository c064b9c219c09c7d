/* Reductions over the teams of a league, and over the threads of each. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int sum = 5, most = -1, all = 1, inner = 0;
#pragma omp teams num_teams(3) reduction(+ : sum) reduction(max : most) reduction(&& : all) default(none)
    {
        sum += omp_get_team_num() * 0 + 1;
        most = 7;
        all = all && omp_get_num_teams() > 0;
    }
    printf("%d %d %d\n", sum > 5, most, all);
#pragma omp teams num_teams(1) reduction(+ : inner)
    {
#pragma omp parallel for reduction(+ : inner)
        for (int i = 0; i < 100; i++)
            inner += i;
    }
    printf("%d\n", inner);
    return 0;
}
