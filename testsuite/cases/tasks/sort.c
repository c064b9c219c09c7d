/* Merge sort: tasks write disjoint parts of arrays on the heap; what one task wrote the next one reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sort(unsigned *x, unsigned *scratch, int n)
{
    if (n < 64) {
        for (int i = 1; i < n; ++i)
            for (int j = i; j > 0 && x[j - 1] > x[j]; --j) {
                unsigned t = x[j];
                x[j] = x[j - 1];
                x[j - 1] = t;
            }
        return;
    }
    int half = n / 2, i = 0, j = half, k = 0;
#pragma omp task
    sort(x, scratch, half);
#pragma omp task
    sort(x + half, scratch + half, n - half);
#pragma omp taskwait
    while (k < n)
        scratch[k++] = j == n || (i < half && x[i] <= x[j]) ? x[i++] : x[j++];
    memcpy(x, scratch, n * sizeof *x);
}

int main(void)
{
    int n = 60000, wrong = 0;
    unsigned *x = malloc(n * sizeof *x), *scratch = malloc(n * sizeof *x), sum = 0;
    for (int round = 0; round < 3; ++round) {
        unsigned seed = 7u + (unsigned)round, before = 0;
        for (int i = 0; i < n; ++i) {
            seed = seed * 1664525u + 1013904223u;
            x[i] = seed >> 8;
            before += x[i];
        }
#pragma omp parallel
#pragma omp single nowait
        sort(x, scratch, n);
        sum = 0;
        for (int i = 0; i < n; ++i) {
            sum += x[i];
            wrong += i > 0 && x[i - 1] > x[i];
        }
        wrong += sum != before;
    }
    printf("%d %u\n", wrong, sum);
    return 0;
}
