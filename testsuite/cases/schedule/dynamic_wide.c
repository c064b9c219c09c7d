/* dynamic and guided loops over ranges beyond 32 bits, downwards and with large steps. */
#include <stdio.h>

int main(void)
{
    unsigned long long mix = 0;
    int count = 0;
#pragma omp parallel for schedule(dynamic, 3) reduction(^ : mix) reduction(+ : count)
    for (long i = 6000000000L; i > -6000000000L; i -= 100000000L)
        mix ^= (unsigned long long)i * 11400714819323198485ull, ++count;
#pragma omp parallel for schedule(guided, 2) reduction(^ : mix) reduction(+ : count)
    for (unsigned long long i = 1; i < 18000000000000000000ull; i += 100000000000000000ull)
        mix ^= i * 3, ++count;
    printf("%d %llu\n", count, mix);
    return 0;
}
