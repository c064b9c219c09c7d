/* A thread that computes, inside of another lock, hands over a lock that it had taken and given back before: the others would wait for
 * it for ever otherwise. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static int value, echo;
    int rounds = 0;
    omp_lock_t outer, inner;
    omp_init_lock(&outer);
    omp_init_lock(&inner);
#pragma omp parallel num_threads(2)
    for (int round = 1; round <= 30 && omp_get_num_threads() == 2; ++round) {
        if (omp_get_thread_num() == 0) {
            omp_set_lock(&outer);
            omp_set_lock(&inner);
            value = round;
            omp_unset_lock(&inner);
            for (int seen = 0; seen != round;) {
#pragma omp flush
                seen = *(volatile int *)&echo;
            }
            rounds = round;
            omp_unset_lock(&outer);
        } else {
            for (int seen = 0; seen != round;) {
                omp_set_lock(&inner);
                seen = value;
                omp_unset_lock(&inner);
            }
            echo = round;
#pragma omp flush
        }
    }
    printf("%d\n", rounds == 0 || rounds == 30);
    return 0;
}
