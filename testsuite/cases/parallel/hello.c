/* Every thread runs the region once, with its own number and the same team size. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int seen[64] = {0}, size[64] = {0};
#pragma omp parallel
    {
        seen[omp_get_thread_num()] += 1;
        size[omp_get_thread_num()] = omp_get_num_threads();
    }
    int threads = omp_get_max_threads();
    for (int i = 0; i < 64; ++i)
        if (seen[i] != (i < threads) || size[i] != (i < threads ? threads : 0))
            return printf("thread %d: seen %d, size %d\n", i, seen[i], size[i]), 1;
    printf("%d threads\n", threads);
    return 0;
}
