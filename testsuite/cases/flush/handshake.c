/* A flag handshake with flush, as programs wrote it before atomic read and write: the reader sees the data that was written before the
 * flag, again and again, in both directions. */
#include <omp.h>
#include <stdio.h>

static int data, flag, echo, wrong;

int main(void)
{
#pragma omp parallel num_threads(2) reduction(+ : wrong)
    {
        int two = omp_get_num_threads() == 2;
        for (int round = 1; two && round <= 50; ++round) {
            if (omp_get_thread_num() == 0) {
                data = round * 7;
#pragma omp flush
                flag = round;
#pragma omp flush(flag)
                int seen = 0;
                while (seen != round) {
#pragma omp flush(echo)
                    seen = *(volatile int *)&echo;
                }
            } else {
                int seen = 0;
                while (seen != round) {
#pragma omp flush(flag)
                    seen = *(volatile int *)&flag;
                }
#pragma omp flush acquire
                wrong += data != round * 7;
                /* The data has been read before the other thread may write it again. */
#pragma omp flush
                echo = round;
#pragma omp flush release
            }
        }
    }
    printf("wrong %d\n", wrong);
    return 0;
}
