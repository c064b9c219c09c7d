//# ranks: 3 4 8
/* Ranks outside a small team see its results in the next region, in which they take part. */
#include <omp.h>
#include <stdio.h>

static int values[1000];

int main(void)
{
    long sum = 0;
    for (int round = 0; round < 5; ++round) {
#pragma omp parallel for num_threads(2)
        for (int i = 0; i < 1000; ++i)
            values[i] += i + round;
#pragma omp parallel for reduction(+ : sum)
        for (int i = 0; i < 1000; ++i)
            sum += values[i];
    }
    printf("%ld\n", sum);
    return 0;
}
