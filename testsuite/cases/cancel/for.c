/* cancel for: nobody runs what comes after; the loop after it runs whole. */
//# env: OMP_CANCELLATION=true
#include <stdio.h>

int main(void)
{
    int found = 0, wrong = 0, second = 0;
#pragma omp parallel
    {
#pragma omp for
        for (int i = 0; i < 1000; ++i) {
            if (i % 7 == 3) {
#pragma omp atomic write
                found = 1;
#pragma omp cancel for
#pragma omp atomic
                ++wrong;
            }
#pragma omp cancellation point for
        }
#pragma omp for reduction(+ : second)
        for (int i = 0; i < 100; ++i)
            second += i;
    }
    printf("%d %d %d\n", found, wrong, second);
    return 0;
}
