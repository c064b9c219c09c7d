/* What serial code writes while it holds a lock is seen by the next region, after what the region before it wrote; small and large. */
#include <omp.h>
#include <stdio.h>

#define N 300000
static int x, y, large[N];
static omp_lock_t lock;

int main(void)
{
    omp_init_lock(&lock);
    for (int round = 1; round <= 10; ++round) {
        int wrong = 0;
#pragma omp parallel
        if (omp_get_thread_num() == omp_get_num_threads() - 1)
            x = y = large[N - 1] = -round;
        for (int half = 0; half < 2; ++half) {
            omp_set_lock(&lock);
            x = round + half;
            if (round % 2)
                for (int i = 0; i < N; ++i)
                    large[i] = round * 3 + half + i;
            omp_unset_lock(&lock);
        }
        if (round % 3 == 0)
            for (int i = 0; i < N; ++i)
                large[i] = round * 7 + i;
#pragma omp parallel reduction(+ : wrong)
        {
            wrong += x != round + 1 || y != -round;
            for (int i = 0; i < N - 1; ++i)
                if (round % 3 == 0)
                    wrong += large[i] != round * 7 + i;
                else if (round % 2)
                    wrong += large[i] != round * 3 + 1 + i;
        }
        printf("round %d: %d wrong\n", round, wrong);
    }
    omp_destroy_lock(&lock);
    return 0;
}
