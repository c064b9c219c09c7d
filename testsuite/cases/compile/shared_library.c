//# also: parts/shared_library_part.c
//# build: shared
//# compare: sorted
/* Regions in a shared library: its globals, allocations, constructors, operators and atomics, and the program's use of its variables. */
#include <stdio.h>

enum { N = 3000 };

extern int table[N];
extern long arrivals;
long sum_and_fill(int n);
int started_by_constructor(void);
double halves(int at);
struct pair {
    double low, high;
};
struct pair range(const double *values, int n);
int count_atomically(void);

int main(void)
{
    int bad = 0;
    double values[N];
    printf("constructor %d\n", started_by_constructor());
    printf("sum %ld\n", sum_and_fill(N));
    for (int i = 0; i < N; i++)
        bad += table[i] != i + 7;
#pragma omp parallel for reduction(+ : bad)
    for (int i = 0; i < N; i++) {
        bad += table[i] != i + 7;
        table[i] = -i;
        values[i] = halves(i) - 500;
    }
    for (int i = 0; i < N; i++)
        bad += table[i] != -i;
    const struct pair found = range(values, N);
    printf("bad %d, range %g to %g\n", bad, found.low, found.high);
#pragma omp parallel num_threads(1)
    {
#pragma omp atomic
        arrivals += 5;
    }
    printf("arrivals %ld, atomically %d\n", arrivals, count_atomically());
    return bad;
}
