/* What `caperun --selftest` runs: work without communication, then memory that one rank writes and another reads. */
#include <omp.h>
#include <stdio.h>

enum { LIMIT = 3000000, PRIMES = 216816, CELLS = 1 << 20 };

static unsigned cells[CELLS];

static int prime(int n) {
    if (n % 2 == 0)
        return n == 2;
    for (int d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return 0;
    return n > 1;
}

int main(void) {
    int primes = 0;
    double start = omp_get_wtime();
    #pragma omp parallel for schedule(static, 64) reduction(+ : primes)
    for (int n = 0; n < LIMIT; n++)
        primes += prime(n);
    double seconds = omp_get_wtime() - start;

    unsigned long wrong = 0;
    #pragma omp parallel for
    for (int i = 0; i < CELLS; i++)
        cells[i] = (unsigned)i * 2654435761u;
    #pragma omp parallel for reduction(+ : wrong)
    for (int i = 0; i < CELLS; i++)
        wrong += cells[CELLS - 1 - i] != (unsigned)(CELLS - 1 - i) * 2654435761u;
    for (int i = 0; i < CELLS; i++)
        wrong += cells[i] != (unsigned)i * 2654435761u;

    printf("threads %d primes %d expected %d wrong %lu seconds %.6f\n", omp_get_max_threads(), primes, PRIMES, wrong, seconds);
    return primes != PRIMES || wrong != 0;
}
