/* omp_get_wtime advances, is consistent between regions, and has a resolution. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    double start = omp_get_wtime(), tick = omp_get_wtick(), now = start;
    int sum = 0, backwards = 0;
#pragma omp parallel for reduction(+ : sum, backwards)
    for (int i = 0; i < 100; ++i) {
        double a = omp_get_wtime(), b = omp_get_wtime();
        backwards += b < a;
        sum += i;
    }
    while (now - start < 0.001)
        now = omp_get_wtime();
    printf("%d %d %d %d\n", sum, backwards, tick > 0 && tick < 1, now - start < 60);
    return 0;
}
