/* Regions in a loop over a heap array that grows by realloc between them. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int *a = NULL, n = 0;
    for (int round = 1; round <= 60; ++round) {
        int more = n + round * 40;
        a = realloc(a, (size_t)more * sizeof *a);
        for (int i = n; i < more; ++i)
            a[i] = round;
        n = more;
#pragma omp parallel for
        for (int i = 0; i < n; ++i)
            a[i] = a[i] * 3 + i % 7;
    }
    unsigned sum = 0;
    for (int i = 0; i < n; ++i)
        sum = sum * 17u + (unsigned)a[i] % 1000003u;
    printf("%d %u\n", n, sum);
    free(a);
    return 0;
}
