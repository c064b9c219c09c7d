/* Sections through a pointer that each thread has its own of: a parameter of a function with the loop, a local of the region. */
#include <stdio.h>
#include <stdlib.h>

static void sums(int n, long *acc)
{
#pragma omp for reduction(+ : acc[1 : n]) schedule(dynamic, 5)
    for (int i = 0; i < 100; i++) {
        acc[1] += i;
        acc[n] += 2 * i;
    }
}

static void largest(long *best)
{
#pragma omp sections reduction(max : best[ : 4])
    {
#pragma omp section
        best[2] = best[2] > 70 ? best[2] : 70;
#pragma omp section
        best[2] = best[2] > 50 ? best[2] : 50;
    }
}

int main(void)
{
    long acc[4] = {1, 1, 1, 1}, *best = calloc(4, sizeof *best);
#pragma omp parallel
    {
        sums(3, acc);
        largest(best);
        long *inner = best + 1;
#pragma omp for reduction(+ : inner[0 : 3])
        for (int i = 0; i < 30; i++)
            inner[i % 3] += i;
    }
    printf("%ld %ld %ld %ld\n", acc[0], acc[1], acc[2], acc[3]);
    printf("%ld %ld %ld %ld\n", best[0], best[1], best[2], best[3]);
    free(best);
}
