/* Updates of one variable whose types let them travel as operations, and others that do not: none is lost. */
#include <stdio.h>

static int count, mixed;
static double started;

__attribute__((noinline)) static void update(int times)
{
#pragma omp parallel for
    for (int i = 0; i < times; i++) {
#pragma omp atomic
        count += 1;
        if (i % 3 == 0) {
#pragma omp atomic
            mixed += 1;
#pragma omp critical
            started += 0.5;
        } else {
#pragma omp atomic
            mixed += 1.0;
        }
    }
}

/* Attributes stay with their function. */
__attribute__((constructor)) static void before_main(void)
{
#pragma omp parallel for num_threads(1)
    for (int i = 0; i < 3; i++)
        started += 1;
}

int main(void)
{
    update(60);
    printf("%d %d %g\n", count, mixed, started);
    return 0;
}
