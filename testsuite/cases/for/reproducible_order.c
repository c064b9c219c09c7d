/* With order(reproducible: concurrent) two loops of the same shape give each thread the same iterations, whatever their schedule says:
 * no barrier is needed between them (OpenMP 5.2 section 10.3). */
#include <stdio.h>

int main(void)
{
    static int a[256];
    int wrong = 0;
    for (int round = 0; round < 20; ++round) {
#pragma omp parallel
        {
#pragma omp for nowait schedule(dynamic, 2) order(reproducible : concurrent)
            for (int i = 0; i < 256; ++i)
                a[i] = i + round;
#pragma omp for nowait schedule(dynamic, 2) order(reproducible : concurrent)
            for (int i = 0; i < 256; ++i)
                a[i] += i;
        }
        for (int i = 0; i < 256; ++i)
            wrong += a[i] != 2 * i + round;
    }
    printf("%d\n", wrong);
    return 0;
}
