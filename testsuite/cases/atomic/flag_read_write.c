/* Producer and consumers over a flag that is written and read atomically. */
#include <omp.h>
#include <stdio.h>

static int ready, value, wrong;

int main(void)
{
#pragma omp parallel reduction(+ : wrong)
    {
        for (int round = 1; round <= 20; ++round) {
            if (omp_get_thread_num() == 0) {
                value = round * round;
#pragma omp atomic write release
                ready = round;
            } else {
                int seen = 0;
                while (seen < round) {
#pragma omp atomic read acquire
                    seen = ready;
                }
                wrong += value != round * round;
            }
#pragma omp barrier
        }
    }
    printf("wrong %d ready %d\n", wrong, ready);
    return 0;
}
