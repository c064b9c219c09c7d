/* A critical in a function called from several regions and from serial code. */
#include <omp.h>
#include <stdio.h>

static long total;
static int calls;

static void add(long n)
{
#pragma omp critical(total)
    {
        total += n;
        ++calls;
    }
}

int main(void)
{
    add(5);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < 40; ++i)
        add(i);
#pragma omp parallel for
    for (int i = 0; i < 40; ++i)
        if (i % 3)
            add(-i);
    add(1);
    printf("%ld %d\n", total, calls);
    return 0;
}
