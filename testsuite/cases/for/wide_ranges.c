/* Ranges with more iterations than an int, or than a signed long, can count; the steps keep them short. */
#include <limits.h>
#include <stdio.h>

int main(void)
{
    long long sum = 0;
    int count = 0;
#pragma omp parallel for reduction(+ : sum, count)
    for (int i = INT_MIN; i <= INT_MAX - (1 << 28); i += 1 << 28)
        sum += i, ++count;
    printf("%d %lld\n", count, sum);

    unsigned long long mix = 0;
    count = 0;
#pragma omp parallel for reduction(^ : mix) reduction(+ : count)
    for (unsigned long long i = 0; i < ULLONG_MAX - (1ull << 60); i += 1ull << 59)
        mix ^= i * 3 + 1, ++count;
    printf("%d %llu\n", count, mix);

    count = 0;
    sum = 0;
#pragma omp parallel for reduction(+ : sum, count)
    for (long i = LONG_MIN; i < LONG_MAX - (1L << 60); i += 1L << 59)
        sum += i / 1024, ++count;
    printf("%d %lld\n", count, sum);

    count = 0;
#pragma omp parallel for reduction(+ : count)
    for (long i = 4000000000L; i > -4000000000L; i -= 400000000L)
        ++count;
    printf("%d\n", count);
    return 0;
}
