/* A thread that has changed something atomically reads what others write: atomically, in a critical section, or with flush. One that reads
 * sees what the last one to change anything keeps. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static int word, plain, guarded, answer;
    int wrong = 0;
#pragma omp parallel num_threads(2) reduction(+ : wrong)
    for (int round = 1; round <= 20 && omp_get_num_threads() == 2; ++round) {
        int seen = 0;
        if (omp_get_thread_num() == 0) {
#pragma omp atomic write
            answer = -round;
            while (seen != round) {
#pragma omp atomic read
                seen = plain;
            }
#pragma omp atomic write
            answer = -100 - round;
            while (seen != 100 + round) {
#pragma omp atomic read
                seen = guarded;
            }
#pragma omp atomic write
            answer = round;
            while (seen != 200 + round) {
#pragma omp atomic read
                seen = word;
            }
        } else {
            while (seen != -round) {
#pragma omp atomic read
                seen = answer;
            }
            plain = round;
#pragma omp flush
            while (seen != -100 - round) {
#pragma omp atomic read
                seen = answer;
            }
#pragma omp critical
            guarded = 100 + round;
            while (seen != round) {
#pragma omp atomic read
                seen = answer;
            }
#pragma omp atomic write
            word = 200 + round;
        }
        wrong += seen == 0;
    }
    printf("wrong %d\n", wrong);
    return 0;
}
