#ifndef SIEVE_H
#define SIEVE_H

enum { SIEVE_LIMIT = 200000 };

/* Set by the last run: composite[n] is 1 if n has a divisor. */
extern unsigned char sieve_composite[SIEVE_LIMIT];

void sieve_run(int limit);
long sieve_count(int limit);

#endif
