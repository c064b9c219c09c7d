/* A thread that spins with flush sees what another has written in a critical section or under a lock, although that one takes neither
 * again, and waits for nobody. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static int flag, data, echo;
    int wrong = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel num_threads(2) reduction(+ : wrong)
    for (int round = 1; round <= 30 && omp_get_num_threads() == 2; ++round) {
        if (omp_get_thread_num() == 0) {
            if (round % 2) {
#pragma omp critical
                {
                    data = 3 * round;
                    flag = round;
                }
            } else {
                omp_set_lock(&lock);
                data = 3 * round;
                flag = round;
                omp_unset_lock(&lock);
            }
            for (int seen = 0; seen != round;) {
#pragma omp flush
                seen = *(volatile int *)&echo;
            }
        } else {
            for (int seen = 0; seen != round;) {
#pragma omp flush
                seen = *(volatile int *)&flag;
            }
            wrong += data != 3 * round;
            echo = round;
#pragma omp flush
        }
    }
    printf("wrong %d\n", wrong);
    return 0;
}
