/* What is written under one lock is seen through another: a chain of threads, each of which knows the one before by a lock of its own. */
#include <omp.h>
#include <sched.h>
#include <stdio.h>

enum { ROUNDS = 40, MOST = 16 };

static int data[MOST], passed[MOST], wrong;
static omp_lock_t guard, links[MOST];

int main(void)
{
    omp_init_lock(&guard);
    for (int k = 0; k < MOST; ++k)
        omp_init_lock(&links[k]);
#pragma omp parallel num_threads(4) reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int round = 1; round <= ROUNDS; ++round) {
            int before = (me + team - 1) % team, wanted = me == 0 ? round - 1 : round;
            for (int seen = -1; seen < wanted;) {
                omp_set_lock(&links[before]);
                seen = passed[before];
                omp_unset_lock(&links[before]);
                if (seen < wanted)
                    sched_yield();
            }
            /* Written without a lock, and under one that nobody takes on the way here. */
            for (int k = 0; k < me; ++k)
                wrong += data[k] != round * 100 + k;
            omp_set_lock(&guard);
            data[me] = round * 100 + me;
            omp_unset_lock(&guard);
            omp_set_lock(&links[me]);
            passed[me] = round;
            omp_unset_lock(&links[me]);
        }
    }
    printf("wrong %d\n", wrong);
    return 0;
}
