/* A token goes round the threads; each adds to it when it is its turn. Everybody spins on one variable with flush. */
#include <omp.h>
#include <stdio.h>

static volatile int turn;
static long token;
static int passes[64];

int main(void)
{
    int threads = 1;
#pragma omp parallel shared(threads)
    {
        int me = omp_get_thread_num(), all = omp_get_num_threads();
        for (int round = 0; round < 10; ++round) {
            while (turn != round * all + me) {
#pragma omp flush
            }
            token = token * 3 + me + 1;
            ++passes[me];
#pragma omp flush
            ++turn;
#pragma omp flush
        }
        if (me == 0)
            threads = all;
    }
    long expected = 0;
    for (int k = 0; k < 10 * threads; ++k)
        expected = expected * 3 + k % threads + 1;
    int bad = 0;
    for (int k = 0; k < threads; ++k)
        bad += passes[k] != 10;
    printf("%d %d\n", token == expected, bad);
    return 0;
}
