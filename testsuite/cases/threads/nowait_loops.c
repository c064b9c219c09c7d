/* Threads are in different loops at a time, more of them than the runtime keeps apart. */
#include <stdio.h>

static int hits[40][200], others[40][200];

int main(void)
{
    int wrong = 0;
#pragma omp parallel
    for (int k = 0; k < 40; ++k) {
#pragma omp for schedule(dynamic, 3) nowait
        for (int i = 0; i < 200; ++i)
            ++hits[k][i];
#pragma omp for schedule(guided, 2) nowait
        for (int i = 0; i < 200; ++i)
            ++others[k][199 - i];
    }
    for (int k = 0; k < 40; ++k)
        for (int i = 0; i < 200; ++i)
            wrong += hits[k][i] != 1 || others[k][i] != 1;
    printf("%d\n", wrong);
    return 0;
}
