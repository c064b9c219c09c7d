//# ranks: 1 2 4 2x2 4x2 2x4
/* Threads of several ranks and several threads of a rank compete for locks, criticals and atomic constructs at once. */
#include <omp.h>
#include <stdio.h>

enum { ROUNDS = 60, LOCKS = 5 };

int main(void)
{
    static long counts[LOCKS], in_critical, captured, tickets[8 * ROUNDS];
    omp_lock_t locks[LOCKS];
    int wrong = 0, team = 0;
    for (int k = 0; k < LOCKS; ++k)
        omp_init_lock(&locks[k]);
#pragma omp parallel num_threads(8)
    {
        int me = omp_get_thread_num();
#pragma omp single
        team = omp_get_num_threads();
        for (int round = 0; round < ROUNDS; ++round) {
            int k = (me + round) % LOCKS;
            omp_set_lock(&locks[k]);
            counts[k] += 1;
            omp_unset_lock(&locks[k]);
#pragma omp critical
            in_critical += 1;
            long ticket;
#pragma omp atomic capture
            ticket = captured++;
            tickets[ticket] += 1;
        }
    }
    long sum = 0;
    for (int k = 0; k < LOCKS; ++k)
        sum += counts[k];
    wrong += sum != (long)team * ROUNDS;
    wrong += in_critical != (long)team * ROUNDS;
    for (int k = 0; k < team * ROUNDS; ++k)
        wrong += tickets[k] != 1;
    printf("wrong %d\n", wrong);
    return 0;
}
