//# skip-oracle
/* Ranges wider than half of what the type of the loop variable can count; the steps keep them short. (gcc runs none of the
 * iterations of the first.) */
#include <limits.h>
#include <stdio.h>

static int wrong;

static void check(const char *what, int count, int expected, unsigned long long mix, unsigned long long expected_mix)
{
    wrong += count != expected || mix != expected_mix;
    printf("%s: %d iterations, expected %d\n", what, count, expected);
}

int main(void)
{
    unsigned long long mix = 0, expected = 0;
    int count = 0;
#pragma omp parallel for reduction(^ : mix) reduction(+ : count)
    for (int i = INT_MIN; i <= INT_MAX - (1 << 28); i += 1 << 28)
        mix ^= (unsigned)i * 3ull, ++count;
    for (long long i = INT_MIN; i <= INT_MAX - (1 << 28); i += 1 << 28)
        expected ^= (unsigned)i * 3ull;
    check("int", count, 15, mix, expected);

    mix = expected = 0;
    count = 0;
#pragma omp parallel for reduction(^ : mix) reduction(+ : count)
    for (unsigned long long i = 0; i < ULLONG_MAX - (1ull << 60); i += 1ull << 59)
        mix ^= i * 3 + 1, ++count;
    for (unsigned long long k = 0; k < 30; ++k)
        expected ^= (k << 59) * 3 + 1;
    check("unsigned long long", count, 30, mix, expected);

    mix = expected = 0;
    count = 0;
#pragma omp parallel for reduction(^ : mix) reduction(+ : count) schedule(dynamic, 2)
    for (long i = LONG_MIN; i < LONG_MAX - (1L << 60); i += 1L << 59)
        mix ^= (unsigned long long)i * 5, ++count;
    for (unsigned long long k = 0; k < 30; ++k)
        expected ^= ((1ull << 63) + (k << 59)) * 5;
    check("long", count, 30, mix, expected);

    count = 0;
#pragma omp parallel for reduction(+ : count)
    for (long i = 4000000000L; i > -4000000000L; i -= 400000000L)
        ++count;
    check("downwards", count, 20, 0, 0);
    return wrong;
}
