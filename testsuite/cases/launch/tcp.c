//# caperun: --transport tcp
/* A job over TCP: barriers, criticals, large and small changes. */
#include <omp.h>
#include <stdio.h>

static int a[100000];

int main(void)
{
    int counter = 0, team = omp_get_max_threads();
    for (int round = 0; round < 5; ++round) {
#pragma omp parallel
        {
#pragma omp for
            for (int i = 0; i < 100000; ++i)
                a[i] += i ^ round;
#pragma omp critical
            counter++;
#pragma omp for
            for (int i = 0; i < 100000; i += 1000)
                a[i] -= a[99999 - i];
        }
    }
    long sum = 0;
    for (int i = 0; i < 100000; ++i)
        sum = sum * 3 % 1000003 + a[i];
    printf("%ld %d\n", sum, counter == 5 * team);
    return 0;
}
