#ifdef HAVE_CONFIG_H
#include <config.h>
#endif
#include "sieve.h"

unsigned char sieve_composite[SIEVE_LIMIT];

static void mark_multiples(int prime, int limit)
{
    /* Orphaned: shared by the team that sieve_run has formed. */
#pragma omp for schedule(static)
    for (int n = prime * prime; n < limit; n += prime)
        sieve_composite[n] = 1;
}

void sieve_run(int limit)
{
#pragma omp parallel
    {
#pragma omp for
        for (int n = 0; n < limit; n++)
            sieve_composite[n] = n < 2;
        for (int n = 2; n * n < limit; n++)
            if (!sieve_composite[n])
                mark_multiples(n, limit);
    }
}

long sieve_count(int limit)
{
    long count = 0;
#pragma omp parallel for reduction(+ : count)
    for (int n = 0; n < limit; n++)
        count += !sieve_composite[n];
    return count;
}
