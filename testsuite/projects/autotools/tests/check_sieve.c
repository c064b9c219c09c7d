#include "sieve.h"

#include <stdio.h>

int main(void)
{
    static const struct {
        int limit;
        long count;
    } known[] = {{10, 4}, {1000, 168}, {100000, 9592}};
    for (int k = 0; k < 3; k++) {
        sieve_run(known[k].limit);
        const long count = sieve_count(known[k].limit);
        if (count != known[k].count) {
            fprintf(stderr, "%ld primes below %d, not %ld\n", count, known[k].limit, known[k].count);
            return 1;
        }
    }
    return 0;
}
