/* oracle: serial
 * Iteration counts that do not fit the loop variable's type, which gcc's own OpenMP miscounts. */
#include <limits.h>
#include <stdio.h>

#define CHECK(header, key)                                             \
    do {                                                               \
        unsigned long long count = 0, mix = 0;                         \
        _Pragma("omp parallel for reduction(+ : count) reduction(^ : mix)") \
        for (header) {                                                 \
            count++;                                                   \
            mix ^= (unsigned long long)(key)*2654435761u;              \
        }                                                              \
        printf("%llu %llu\n", count, mix);                             \
    } while (0)

int main(void)
{
    int i = 3, n = 10, outer = -7;
#pragma omp parallel for lastprivate(i, outer) schedule(dynamic, 2)
    for (i = 20; i < n; i++)
        outer = i;
    printf("%d %d\n", i > 0, outer);

    CHECK(signed char k = -128; k < 70; k += 50, k);
    CHECK(int k = INT_MIN; k < INT_MAX - 2000000000; k += 1000000000, k);
    return 0;
}
