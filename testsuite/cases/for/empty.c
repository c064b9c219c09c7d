/* Loops without an iteration run no body and change nothing. */
#include <stdio.h>

int main(void)
{
    int hits = 0, n = 0;
    unsigned u;
    unsigned long zero = 0;
#pragma omp parallel for reduction(+ : hits)
    for (int k = 0; k < n; ++k)
        ++hits;
#pragma omp parallel for reduction(+ : hits)
    for (int k = 10; k < -10; k += 3)
        ++hits;
#pragma omp parallel for reduction(+ : hits)
    for (u = 5; u < 5; ++u)
        ++hits;
#pragma omp parallel for reduction(+ : hits)
    for (long k = 0; k > 100; --k)
        ++hits;
#pragma omp parallel for reduction(+ : hits) schedule(dynamic, 4)
    for (unsigned long k = 0; k < zero; ++k)
        ++hits;
#pragma omp parallel for reduction(+ : hits) schedule(guided)
    for (int k = n; k != 0; ++k)
        ++hits;
    printf("%d\n", hits);
    return 0;
}
