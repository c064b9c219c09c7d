/* What a thread wrote outside the critical, and has not published yet, survives catching up inside of it. */
#include <omp.h>
#include <stdio.h>

static int line[64 * 4], counter;

int main(void)
{
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num();
        for (int i = 1; i <= 50; ++i) {
            for (int k = 0; k < 4; ++k)
                line[k * 64 + me] = i * 10 + k;
#pragma omp critical
            ++counter;
            for (int k = 0; k < 4; ++k)
                wrong += line[k * 64 + me] != i * 10 + k;
        }
    }
    long sum = 0;
    for (int i = 0; i < 64 * 4; ++i)
        sum += line[i];
    printf("%d %d %d\n", wrong, counter == 50 * omp_get_max_threads(), sum == 2006L * omp_get_max_threads());
    return 0;
}
