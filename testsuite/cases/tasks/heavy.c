/* Tasks long enough to be given to other ranks, some of which make further ones there and wait for them. */
#include <stdio.h>
#include <stdlib.h>

static double grind(int seed, int steps)
{
    double x = seed;
    for (int i = 0; i < steps; ++i)
        x = x * 0.9999 + (i % 7) * 1e-3;
    return x;
}

static double spread(int depth, int seed)
{
    double left = 0, right = 0;
    if (depth == 0)
        return grind(seed, 20000);
#pragma omp task shared(left)
    left = spread(depth - 1, 2 * seed);
#pragma omp task shared(right)
    right = spread(depth - 1, 2 * seed + 1);
#pragma omp taskwait
    return left + 0.5 * right;
}

int main(void)
{
    double *out = calloc(100, sizeof *out), tree = 0, sum = 0;
#pragma omp parallel
    {
#pragma omp single
        {
            for (int i = 0; i < 100; ++i) {
#pragma omp task
                out[i] = i % 10 ? grind(i, 30000) : spread(3, i);
            }
        }
#pragma omp single
        tree = spread(6, 1);
    }
    for (int i = 0; i < 100; ++i)
        sum += out[i] * (i + 1);
    printf("%.8e %.8e\n", tree, sum);
    return 0;
}
