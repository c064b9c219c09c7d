/* A region that is a single expression statement, an empty one, and one with only declarations. */
#include <omp.h>
#include <stdio.h>

static int hits[64];
static void hit(void) { hits[omp_get_thread_num()]++; }

int main(void)
{
#pragma omp parallel
    hit();
#pragma omp parallel
    ;
#pragma omp parallel
    {
    }
#pragma omp parallel
    {
        int unused = 3;
        (void)unused;
    }
    int sum = 0;
    for (int i = 0; i < 64; ++i)
        sum += hits[i];
    printf("%d\n", sum == omp_get_max_threads());
    return 0;
}
