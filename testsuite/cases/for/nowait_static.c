/* Two nowait loops with the same static schedule: a thread may use its own results of the first in the second. */
#include <stdio.h>

#define N 3000

int main(void)
{
    static double x[N], y[N], z[N];
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int i = 0; i < N; ++i)
            x[i] = i * 0.25;
#pragma omp for schedule(static) nowait
        for (int i = 0; i < N; ++i)
            y[i] = x[i] + 1;
#pragma omp for schedule(static)
        for (int i = 0; i < N; ++i)
            z[i] = x[i] * y[i];
    }
    double sum = 0;
    for (int i = 0; i < N; ++i)
        sum += z[i];
    printf("%.4f\n", sum);
    return 0;
}
