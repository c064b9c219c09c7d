//# cflags: -std=c99 -pedantic -Wall -Wextra -Werror
/* Strict C99 with every warning an error: the generated code causes none. */
#include <omp.h>
#include <stdio.h>

static int value[64];

static void fill(int n)
{
    int i;
#pragma omp for
    for (i = 0; i < n; i++)
        value[i] = i;
}

int main(void)
{
    int total = 0, least = 1000;
    double mean = 0;
#pragma omp parallel
    fill(64);
#pragma omp parallel for reduction(+ : total, mean) reduction(min : least) schedule(dynamic, 3)
    for (int i = 0; i < 64; i++) {
        total += value[i];
        mean += value[i] / 64.0;
        if (value[i] < least)
            least = value[i];
    }
#pragma omp parallel
    {
#pragma omp single
        total++;
#pragma omp critical
        total += 0;
#pragma omp atomic
        least += 0;
    }
    printf("%d %g %d %d\n", total, mean, least, omp_in_parallel());
    return 0;
}
