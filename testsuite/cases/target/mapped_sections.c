/* A pointer through which a section is mapped is firstprivate on target, unless it is mapped itself. */
#include <stdio.h>
#include <stdlib.h>

enum { N = 10 };

struct pair {
    int *values;
    int count;
};

int main(void)
{
    int *base = malloc(N * sizeof *base), *both = malloc(N * sizeof *both), *unnamed = base;
    struct pair pair = {both, N};
#pragma omp target map(base[:N]) map(both, both[:N]) defaultmap(none) firstprivate(unnamed)
    {
        for (int i = 0; i < N; ++i)
            base[i] = both[i] = i;
        *++base = 90;
        unnamed = 0;
    }
    printf("%d %d %d\n", base[0], base[1], unnamed == base);
#pragma omp target map(tofrom : pair, pair.values[0:N])
    {
        for (int i = 0; i < N; ++i)
            pair.values[i] += 100;
        pair.count = 3;
    }
    printf("%d %d\n", both[2], pair.count);
    free(base);
    free(both);
    return 0;
}
