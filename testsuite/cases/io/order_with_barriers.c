/* Output of successive threads in a fixed order: each prints and flushes in its turn between barriers. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    printf("start, no newline yet");
    fflush(stdout);
#pragma omp parallel
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int turn = 0; turn < team; ++turn) {
            if (turn == me) {
                printf(" | thread %d", me);
                fflush(stdout);
            }
#pragma omp barrier
        }
    }
    printf(" | done\n");
    return 0;
}
