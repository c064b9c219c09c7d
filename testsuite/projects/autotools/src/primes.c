#include "sieve.h"
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const int limit = argc > 1 ? atoi(argv[1]) : 100000;
    sieve_run(limit);
    long *digits = tally_last_digits(sieve_composite, limit);
    printf("%ld primes below %d; last digits 1, 3, 7, 9: %ld %ld %ld %ld\n", sieve_count(limit), limit, digits[1], digits[3],
           digits[7], digits[9]);
    free(digits);
    return 0;
}
