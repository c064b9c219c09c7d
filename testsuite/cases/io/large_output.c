/* Four megabytes of serial output, between regions. */
#include <stdio.h>

static int a[1000];

int main(void)
{
    for (int round = 0; round < 40; ++round) {
#pragma omp parallel for
        for (int i = 0; i < 1000; ++i)
            a[i] += i * round;
        for (int i = 0; i < 1000; ++i)
            printf("%06d %06d a line of text that is about a hundred characters long, to fill the buffers of pipes %d\n", round, i,
                   a[i]);
    }
    return 0;
}
