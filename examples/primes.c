/* primes: counts primes by trial division; the work grows with the number, so the loop is scheduled dynamically.
 *
 * Four reductions at once, with three different operators, on a loop whose iterations go to whoever is free. Then the same
 * count with a guided schedule and with the one that OMP_SCHEDULE names: all must agree.
 *
 * Build and run:  capec -O3 primes.c -o primes && caperun -n 4 ./primes 1000000
 * The argument is the last number to look at (default 300000).
 */
#include <stdio.h>
#include <stdlib.h>

static int is_prime(long n)
{
    if (n < 4)
        return n > 1;
    if (n % 2 == 0)
        return 0;
    for (long d = 3; d * d <= n; d += 2)
        if (n % d == 0)
            return 0;
    return 1;
}

int main(int argc, char **argv)
{
    long last = argc > 1 ? atol(argv[1]) : 300000;
    if (last < 2) {
        fprintf(stderr, "primes: there is none below 2\n");
        return 2;
    }
    long count = 0, largest = 0, guided = 0, runtime = 0;
    unsigned long sum = 0, mixed = 0;

#pragma omp parallel for schedule(dynamic, 1000) reduction(+ : count, sum) reduction(max : largest) reduction(^ : mixed)
    for (long n = 2; n <= last; n++)
        if (is_prime(n)) {
            count++;
            sum += (unsigned long)n;
            mixed ^= (unsigned long)n;
            if (n > largest)
                largest = n;
        }

#pragma omp parallel
    {
        /* Odd numbers only, downwards: the loop may run in either direction and with any step. */
#pragma omp for schedule(guided, 64) reduction(+ : guided) nowait
        for (long n = last - (last % 2 == 0); n > 2; n -= 2)
            guided += is_prime(n);
#pragma omp for schedule(runtime) reduction(+ : runtime)
        for (long n = 3; n <= last; n += 2)
            runtime += is_prime(n);
    }

    printf("%ld primes up to %ld, the largest is %ld\n", count, last, largest);
    printf("their sum is %lu, their exclusive or %lx\n", sum, mixed);
    if (guided + 1 != count || runtime + 1 != count) { /* + 1: the even prime */
        printf("WRONG: guided counts %ld, runtime %ld\n", guided + 1, runtime + 1);
        return 1;
    }
    return 0;
}
