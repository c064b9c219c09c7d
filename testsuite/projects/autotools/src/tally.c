#include "tally.h"

#include <stdlib.h>

long *tally_last_digits(const unsigned char *marked, int limit)
{
    long *digits = calloc(10, sizeof *digits);
#pragma omp parallel
    {
        long own[10] = {0};
#pragma omp for nowait
        for (int n = 0; n < limit; n++)
            own[n % 10] += !marked[n];
#pragma omp critical(tally)
        for (int digit = 0; digit < 10; digit++)
            digits[digit] += own[digit];
    }
    return digits;
}
