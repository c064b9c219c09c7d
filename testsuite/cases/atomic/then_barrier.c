/* Updates of all threads are there after a barrier, in every thread, round after round. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    long sum = 0;
    int wrong = 0, team = omp_get_max_threads();
#pragma omp parallel reduction(+ : wrong)
    {
        for (int step = 1; step <= 30; ++step) {
#pragma omp atomic
            sum += step;
#pragma omp barrier
            wrong += sum != (long)team * step * (step + 1) / 2;
#pragma omp barrier
        }
    }
    printf("%d %d\n", wrong, sum == 465L * team);
    return 0;
}
