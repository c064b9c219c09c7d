/* A target region is an initial task of its own: levels, team, variables, worksharing and regions inside of it. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int before = omp_get_max_threads(), dynamic = omp_get_dynamic();
    omp_sched_t kind, was;
    int chunk, was_chunk, wrong = 0;
    omp_get_schedule(&was, &was_chunk);
    omp_set_num_threads(before + 3);
    omp_set_dynamic(!dynamic);
    omp_set_schedule(omp_sched_static, 17);
#pragma omp target map(tofrom : wrong)
    {
        omp_sched_t now;
        int now_chunk;
        omp_get_schedule(&now, &now_chunk);
        wrong += omp_get_max_threads() != before || omp_get_dynamic() != dynamic;
        wrong += now != was || now_chunk != was_chunk;
        omp_set_num_threads(2);
        omp_set_schedule(omp_sched_guided, 5);
    }
    omp_get_schedule(&kind, &chunk);
    wrong += kind != omp_sched_static || chunk != 17;
    wrong += omp_get_max_threads() != before + 3;
    omp_set_dynamic(0);
    omp_set_max_active_levels(3);
    int inside = 0, singles = 0, sum = 0, teams = 0;
#pragma omp parallel num_threads(3) reduction(+ : wrong)
    {
        int number = omp_get_thread_num(), level = omp_get_level();
#pragma omp target if (0) map(tofrom : wrong, inside, singles, sum)
        {
            wrong += omp_in_parallel() || omp_get_level() != 0 || omp_get_active_level() != 0;
            wrong += omp_get_num_threads() != 1 || omp_get_thread_num() != 0;
            wrong += omp_get_ancestor_thread_num(0) != 0 || omp_get_ancestor_thread_num(1) != -1;
#pragma omp single
            {
#pragma omp atomic
                ++singles;
            }
#pragma omp critical
            ++inside;
            int mine = 0;
#pragma omp for
            for (int i = 0; i < 10; ++i)
                mine += i;
#pragma omp parallel num_threads(2) reduction(+ : mine, wrong)
            {
                wrong += omp_get_level() != 1 || omp_get_ancestor_thread_num(0) != 0;
#pragma omp for
                for (int i = 0; i < 10; ++i)
                    mine += i;
            }
#pragma omp atomic
            sum += mine;
        }
        wrong += omp_get_thread_num() != number || omp_get_level() != level || omp_get_num_threads() != 3;
#pragma omp barrier
    }
#pragma omp target teams num_teams(2) thread_limit(2) map(tofrom : wrong, teams)
#pragma omp parallel num_threads(8) reduction(+ : wrong)
    {
        wrong += omp_get_thread_limit() > 2 || omp_get_level() != 1 || omp_get_num_threads() > 2;
#pragma omp master
        {
#pragma omp atomic
            ++teams;
        }
    }
#pragma omp target thread_limit(1) map(tofrom : wrong)
    wrong += omp_get_thread_limit() != 1;
    printf("wrong %d inside %d singles %d sum %d teams %d\n", wrong, inside, singles, sum, teams > 0);
    return 0;
}
