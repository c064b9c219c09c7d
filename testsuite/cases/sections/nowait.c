/* Sections without barrier, followed by a loop that does not depend on them. */
#include <stdio.h>

static int left[100], right[100], both[100];

int main(void)
{
#pragma omp parallel
    {
#pragma omp sections nowait
        {
#pragma omp section
            for (int i = 0; i < 100; ++i)
                left[i] = i;
#pragma omp section
            for (int i = 0; i < 100; ++i)
                right[i] = 3 * i;
        }
#pragma omp for
        for (int i = 0; i < 100; ++i)
            both[i] = 1;
#pragma omp for
        for (int i = 0; i < 100; ++i)
            both[i] += left[i] + right[99 - i];
    }
    long sum = 0;
    for (int i = 0; i < 100; ++i)
        sum = sum * 3 % 1000003 + both[i];
    printf("%ld\n", sum);
    return 0;
}
