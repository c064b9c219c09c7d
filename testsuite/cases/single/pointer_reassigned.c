/* A global pointer reassigned by single: all threads go on with the new memory. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static int *data;
static int length;

int main(void)
{
    length = 10;
    data = calloc((size_t)length, sizeof *data);
#pragma omp parallel
    {
        for (int round = 0; round < 6; ++round) {
#pragma omp for
            for (int i = 0; i < length; ++i)
                data[i] += i + round;
#pragma omp single
            {
                int *bigger = malloc((size_t)length * 2 * sizeof *bigger);
                for (int i = 0; i < length; ++i)
                    bigger[i] = bigger[length + i] = data[i];
                free(data);
                data = bigger;
                length *= 2;
            }
        }
    }
    long sum = 0;
    for (int i = 0; i < length; ++i)
        sum += (long)data[i] * (i % 5);
    printf("%d %ld\n", length, sum);
    free(data);
    return 0;
}
