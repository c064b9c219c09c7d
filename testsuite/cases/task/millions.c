/* More tasks, each with copies of its own, than their memory has room for at a time, made by one thread and by a chain. */
//# ranks: 1 2 3
#include <stdio.h>

static long chain(int links)
{
    long rest = 0;
    if (links == 0)
        return 0;
#pragma omp task shared(rest) firstprivate(links)
    rest = chain(links - 1);
#pragma omp taskwait
    return rest + 1;
}

int main(void)
{
    long sum = 0, links = 0;
    struct { long values[20]; } wide = {{0}};
#pragma omp parallel
#pragma omp single
    {
        for (long i = 0; i < 3000000; ++i) {
            wide.values[i % 20] = i;
#pragma omp task firstprivate(wide, i) shared(sum)
            if (wide.values[i % 20] != i) {
#pragma omp atomic
                ++sum;
            }
        }
#pragma omp taskwait
        links = chain(2000);
    }
    printf("%ld %ld\n", sum, links);
    return 0;
}
