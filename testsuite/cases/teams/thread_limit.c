/* thread_limit of teams and target, and the variables that hold for teams without clauses: for the block only, in all of its threads. */
#include <omp.h>
#include <stdio.h>

static int limit(void) { return omp_get_thread_limit(); }
static int teams(void) { return omp_get_num_teams(); }

int main(void)
{
    int before = limit(), league = 0, inside[8] = {0}, many[20], own = 0, more = 0;
#pragma omp teams thread_limit(5) num_teams(1)
#pragma omp parallel num_threads(2)
    inside[omp_get_thread_num()] = limit();
    printf("%d %d\n", inside[0], inside[1]);
#pragma omp target teams distribute parallel for thread_limit(3) map(from : many)
    for (int i = 0; i < 20; i++)
        many[i] = limit();
    for (int i = 0; i < 20; i++)
        printf("%d%c", many[i], i == 19 ? '\n' : ' ');
#pragma omp target thread_limit(4) map(tofrom : own, more)
    {
        own = limit();
#pragma omp parallel num_threads(100) reduction(+ : more)
        more++;
    }
    printf("%d %d %d\n", own, more <= 4, limit() == before);

    omp_set_num_teams(2);
    omp_set_teams_thread_limit(6);
#pragma omp teams reduction(+ : league, more)
    {
        league += teams();
        more = limit();
    }
    printf("%d %d %d\n", league, more, limit() == before);
    return 0;
}
