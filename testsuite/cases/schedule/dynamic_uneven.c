/* Very uneven iterations handed out dynamically; three loops in one region. */
#include <stdio.h>

static int collatz(long n)
{
    int steps = 0;
    for (; n != 1; ++steps)
        n = n % 2 ? 3 * n + 1 : n / 2;
    return steps;
}

int main(void)
{
    static int steps[3000], longest[3];
#pragma omp parallel
    for (int round = 0; round < 3; ++round) {
        int best = 0;
#pragma omp for schedule(dynamic, 8)
        for (int i = 1; i < 3000; ++i)
            steps[i] = collatz(i + round * 3000);
#pragma omp for schedule(guided) nowait
        for (int i = 1; i < 3000; ++i)
            if (steps[i] > best)
                best = steps[i];
#pragma omp critical
        if (best > longest[round])
            longest[round] = best;
#pragma omp barrier
    }
    printf("%d %d %d\n", longest[0], longest[1], longest[2]);
    return 0;
}
