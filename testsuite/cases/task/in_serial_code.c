/* Tasks outside of a parallel region, and in one that is not active. */
#include <stdio.h>

static int total;

static void add(int n)
{
#pragma omp task
    total += n;
}

int main(void)
{
    int x = 0;
#pragma omp task shared(x)
    x = 1;
#pragma omp taskwait
    add(4);
    add(5);
#pragma omp taskwait
#pragma omp parallel if (0)
    {
#pragma omp task shared(x)
        x += 10;
    }
#pragma omp taskgroup
    {
#pragma omp task shared(x)
        x += 100;
    }
    printf("%d %d\n", x, total);
    return 0;
}
