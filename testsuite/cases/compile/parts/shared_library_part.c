/* The library of ../shared_library.c. */
#include <stdlib.h>

enum { N = 3000 };

int table[N] = {1};
long arrivals;
static int started, turns;
static double *half;

__attribute__((constructor)) static void begin(void)
{
    started = 7;
    half = malloc(N * sizeof *half);
    for (int i = 0; i < N; i++)
        half[i] = i * 0.25;
}

int started_by_constructor(void) { return started; }

double halves(int at) { return half[at]; }

long sum_and_fill(int n)
{
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; i++) {
        table[i] = i + started;
        half[i] *= 2;
        sum += table[i];
    }
    return sum;
}

struct pair {
    double low, high;
};

struct pair range(const double *values, int n)
{
    double low = values[0], high = values[0];
#pragma omp parallel for reduction(min : low) reduction(max : high)
    for (int i = 0; i < n; i++) {
        if (values[i] < low)
            low = values[i];
        if (values[i] > high)
            high = values[i];
    }
    return (struct pair){low, high};
}

int count_atomically(void)
{
    int distinct = 0;
    static int next;
#pragma omp parallel for
    for (int i = 0; i < 40; i++) {
        int mine;
#pragma omp atomic capture
        mine = next++;
#pragma omp critical
        {
            turns++;
            distinct += mine >= 0 && mine < 40;
        }
    }
    return distinct * 1000 + next + (turns - 40);
}
