//# cflags: -mcmodel=medium -fcommon -Wno-unused
/* Large objects of the medium code model have sections of their own: initialised, zero, and common. */
#include <stdio.h>

enum { N = 40000 };
double initialised[N] = {1};
static double zero[N];
double common[N];
static int small;

int main(void)
{
    double sum = 0;
#pragma omp parallel
    {
#pragma omp for
        for (int i = 0; i < N; ++i) {
            initialised[i] += i;
            zero[i] = 2.0 * i;
            common[i] = 3.0 * i;
        }
#pragma omp single
        small = 7;
        /* Read what others have written. */
#pragma omp for reduction(+ : sum)
        for (int i = 0; i < N; ++i)
            sum += initialised[N - 1 - i] + zero[N - 1 - i] + common[N - 1 - i];
    }
    printf("%.1f %d\n", sum, small);
    return 0;
}
