/* histogram: many threads count into the same few bins with `atomic`.
 *
 * Which bin a sample falls into is not known beforehand, and all threads meet in the middle ones. An atomic update is a
 * commutative operation: processes with separate memories need not take turns, they add up what each has counted.
 *
 * Build and run:  capec -O3 histogram.c -o histogram && caperun -n 4 ./histogram 1000000
 * The argument is the number of samples (default 200000).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { BINS = 24 };

static long bin[BINS];
static double moment; /* sums multiples of 1/16, exact in any order */
static unsigned char seen;

/* The i-th of a sequence of well mixed numbers (splitmix64). */
static uint64_t mixed(uint64_t i)
{
    uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int main(int argc, char **argv)
{
    long samples = argc > 1 ? atol(argv[1]) : 200000;
    if (samples < 1) {
        fprintf(stderr, "histogram: needs at least one sample\n");
        return 2;
    }

#pragma omp parallel for
    for (long i = 0; i < samples; i++) {
        /* The number of ones among 48 random bits, halved, is nearly normally distributed around 12. */
        int b = __builtin_popcountll(mixed((uint64_t)i) >> 16) / 2;
        b = b < BINS ? b : BINS - 1;
#pragma omp atomic
        bin[b]++;
#pragma omp atomic update
        moment += (b - BINS / 2) / 16.0;
        if (i % 1000 == 0) {
#pragma omp atomic
            seen |= (unsigned char)(1 << b % 8);
        }
    }

    long total = 0, most = 1;
    for (int b = 0; b < BINS; b++) {
        total += bin[b];
        most = bin[b] > most ? bin[b] : most;
    }
    for (int b = 0; b < BINS; b++) {
        printf("%2d %8ld |", b, bin[b]);
        for (long star = 0; star < bin[b] * 50 / most; star++)
            putchar('*');
        putchar('\n');
    }
    printf("%ld samples in all, moment %.4f, mask %02x\n", total, moment, seen);
    return total == samples ? 0 : 1;
}
