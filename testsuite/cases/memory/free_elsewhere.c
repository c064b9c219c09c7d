/* Memory allocated by one thread, grown by another, freed by a third; sizes from bytes to megabytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 48

static unsigned char *block[N];

static size_t size_of(int i) { return i % 8 == 7 ? 300000u + (size_t)i : (size_t)(i * i * 3 + 1); }

int main(void)
{
    unsigned long sum = 0;
    for (int round = 0; round < 4; ++round) {
#pragma omp parallel for
        for (int i = 0; i < N; ++i) {
            block[i] = malloc(size_of(i));
            memset(block[i], i + round, size_of(i));
        }
#pragma omp parallel for
        for (int k = 0; k < N; ++k) {
            int i = (k + N / 2) % N;
            size_t n = size_of(i);
            block[i] = realloc(block[i], 2 * n);
            memcpy(block[i] + n, block[i], n);
        }
#pragma omp parallel for reduction(+ : sum)
        for (int k = 0; k < N; ++k) {
            int i = N - 1 - k;
            for (size_t b = 0; b < 2 * size_of(i); ++b)
                sum += block[i][b];
            free(block[i]);
        }
    }
    printf("%lu\n", sum);
    return 0;
}
