/* The thread that had the lock last waits at a barrier, or at the end of the region, while others take the lock and go on with what it
 * wrote; also where it has arrived with more than what it wrote under the lock. */
#include <omp.h>
#include <stdio.h>

enum { ROUNDS = 60 };

int main(void)
{
    static int count, beside[16], late;
    int wrong = 0, sum = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel num_threads(4) reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int round = 0; round < ROUNDS; ++round) {
            int first = me == round % team;
            if (first) {
                omp_set_lock(&lock);
                count += 1;
                omp_unset_lock(&lock);
                beside[me] = round;
            } else {
                for (int seen = 0; !seen;) {
                    omp_set_lock(&lock);
                    seen = count > round * team;
                    count += seen;
                    omp_unset_lock(&lock);
                }
            }
#pragma omp for reduction(+ : sum)
            for (int k = 0; k < 16; ++k)
                sum += k;
            wrong += count != (round + 1) * team || beside[round % team] != round;
#pragma omp barrier
        }
        if (me == 0) {
            omp_set_lock(&lock);
            late = 1;
            omp_unset_lock(&lock);
        } else {
            for (int seen = 0; !seen;) {
                omp_set_lock(&lock);
                seen = late;
                late += seen;
                omp_unset_lock(&lock);
            }
        }
    }
    printf("wrong %d sum %d\n", wrong, sum);
    return 0;
}
