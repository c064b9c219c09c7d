/* Megabytes of locals in main, and large private arrays on every thread's stack. */
#include <stdio.h>

#define N 100000

int main(void)
{
    double a[N], b[N], sum = 0;
#pragma omp parallel for
    for (int i = 0; i < N; ++i)
        a[i] = i % 100;
#pragma omp parallel for reduction(+ : sum)
    for (int part = 0; part < 10; ++part) {
        double work[N / 10];
        for (int i = 0; i < N / 10; ++i)
            work[i] = a[part * (N / 10) + i] * 2;
        for (int i = 0; i < N / 10; ++i) {
            b[part * (N / 10) + i] = work[N / 10 - 1 - i];
            sum += work[i];
        }
    }
    double check = 0;
    for (int i = 0; i < N; ++i)
        check += b[i] * (i % 3);
    printf("%.0f %.0f\n", sum, check);
    return 0;
}
