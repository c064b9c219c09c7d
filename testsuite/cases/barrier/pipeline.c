/* A different thread writes the whole array in each step; the next one continues from it. */
#include <omp.h>
#include <stdio.h>

#define N 6000

static unsigned state[N];

int main(void)
{
#pragma omp parallel
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (unsigned step = 0; step < 24; ++step) {
            if (me == (int)step % team)
                for (int i = 0; i < N; ++i)
                    state[i] = state[i] * 3u + step + (unsigned)i;
#pragma omp barrier
        }
    }
    unsigned hash = 0;
    for (int i = 0; i < N; ++i)
        hash = hash * 31u + state[i];
    printf("%u\n", hash);
    return 0;
}
