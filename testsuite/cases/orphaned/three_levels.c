/* Work-sharing three calls below the region. */
#include <stdio.h>

static double x[2000];
static int trace[3];

static void innermost(int n, double by)
{
#pragma omp for
    for (int i = 0; i < n; ++i)
        x[i] = x[i] * 2 + by;
#pragma omp single
    trace[2]++;
}

static void middle(int n)
{
    innermost(n, 1);
    innermost(n / 2, 3);
#pragma omp master
    trace[1]++;
#pragma omp barrier
}

static void outer(void)
{
    middle(2000);
#pragma omp single
    trace[0]++;
    middle(1000);
}

int main(void)
{
#pragma omp parallel
    outer();
    outer();
    double sum = 0;
    for (int i = 0; i < 2000; ++i)
        sum += x[i] * (i % 10);
    printf("%.0f %d %d %d\n", sum, trace[0], trace[1], trace[2]);
    return 0;
}
