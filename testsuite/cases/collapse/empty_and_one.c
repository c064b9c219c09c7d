/* A collapsed nest with an empty inner loop, with a single iteration, and collapse(1). */
#include <stdio.h>

int main(void)
{
    int hits = 0, n = 0, last = -1;
#pragma omp parallel for collapse(2) reduction(+ : hits)
    for (int i = 0; i < 1000; ++i)
        for (int j = 0; j < n; ++j)
            ++hits;
    printf("%d %d\n", hits, last);
#pragma omp parallel for collapse(2) reduction(+ : hits) lastprivate(last)
    for (int i = 5; i < 6; ++i)
        for (int j = 9; j < 10; ++j) {
            ++hits;
            last = i * j;
        }
#pragma omp parallel for collapse(1) reduction(+ : hits)
    for (int i = 0; i < 10; ++i)
        ++hits;
    printf("%d %d\n", hits, last);
    return 0;
}
