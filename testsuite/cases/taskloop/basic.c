/* taskloop: every iteration once, whatever the grain; bounds evaluated once; loop variables of several types. */
#include <stdio.h>

static int calls;

static int bound(void)
{
    ++calls;
    return 57;
}

int main(void)
{
    int hits[57] = {0}, down[20] = {0}, wrong = 0, n = 20;
    unsigned char bytes[256] = {0};
    double cells[10] = {0};
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskloop
        for (int i = 0; i < bound(); ++i)
            hits[i]++;
#pragma omp taskloop grainsize(7)
        for (int i = bound() - 1; i >= 0; --i)
            hits[i]++;
#pragma omp taskloop num_tasks(5)
        for (long i = n - 1; i >= 0; i -= 3)
            down[i] = (int)i;
#pragma omp taskloop grainsize(16) nogroup
        for (unsigned i = 0; i < 256; i += 2)
            bytes[i] = (unsigned char)(i / 2);
#pragma omp taskwait
#pragma omp taskloop num_tasks(n / 4) if (n > 3) final(n > 100) priority(2) untied mergeable
        for (double *p = cells; p < cells + 10; p++)
            *p = p - cells;
    }
    for (int i = 0; i < 57; ++i)
        wrong += hits[i] != 2;
    for (int i = 0; i < 20; ++i)
        wrong += down[i] != ((19 - i) % 3 ? 0 : i);
    for (int i = 0; i < 256; ++i)
        wrong += bytes[i] != (i % 2 ? 0 : i / 2);
    for (int i = 0; i < 10; ++i)
        wrong += cells[i] != i;
    printf("%d %d\n", wrong, calls);
    return 0;
}
