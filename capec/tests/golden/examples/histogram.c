#include <cape.h>
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

static const struct cape_site cape_site_1 = {"parallel for", "examples/histogram.c", 36};
static const struct cape_site cape_site_2 = {"atomic", "examples/histogram.c", 41};
static const struct cape_site cape_site_3 = {"atomic", "examples/histogram.c", 43};
static const struct cape_site cape_site_4 = {"atomic", "examples/histogram.c", 46};

static void cape_region_1_main(void **cape_env)
{
    long samples = *(__typeof__(samples) *)cape_env[0];
    {
        long cape_first = 0;
        long cape_bound = samples;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            long i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                long cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    /* The number of ones among 48 random bits, halved, is nearly normally distributed around 12. */
                    int b = __builtin_popcountll(mixed((uint64_t)i) >> 16) / 2;
                    b = b < BINS ? b : BINS - 1;
                    {
                        __typeof__(bin[b]) *const cape_target = &(bin[b]);
                        const __typeof__((1) + 0) cape_operand = (1);
                        if (cape_alone && CAPE_LOCK_FREE(*cape_target)) {
                            if (CAPE_INTEGERS(*cape_target, cape_operand)) {
                                cape_fetch_sum((volatile void *)cape_target, (unsigned long long)cape_operand, sizeof *cape_target);
                            } else {
                                __typeof__(*cape_target) cape_new;
                                unsigned long long cape_old;
                                cape_atomic_load((const volatile void *)cape_target, &cape_old, sizeof cape_new, CAPE_RELAXED);
                                do {
                                    __builtin_memcpy((void *)&cape_new, &cape_old, sizeof cape_new);
                                    cape_new += cape_operand;
                                } while (!cape_atomic_replace((volatile void *)cape_target, &cape_old, (const void *)&cape_new, sizeof cape_new, CAPE_RELAXED));
                            }
                        } else if (CAPE_COMMUTES(*cape_target, cape_operand)) {
                            const __typeof__(*cape_target) cape_converted = (__typeof__(*cape_target))cape_operand;
                            cape_atomic_update((void *)cape_target, (const void *)&cape_converted, sizeof *cape_target, CAPE_OPERATION(sum, *cape_target));
                        } else {
                            static const char cape_mixed[!CAPE_COMMUTES(*cape_target, cape_operand)] __attribute__((used, section("cape_mixed"))) = {};
                            cape_atomic_enter(&cape_site_2, CAPE_ATOMIC_CHANGE);
                            *cape_target += cape_operand;
                            cape_atomic_exit(&cape_site_2, CAPE_ATOMIC_CHANGE);
                        }
                    }
                    {
                        __typeof__(moment) *const cape_target = &(moment);
                        const __typeof__(((b - BINS / 2) / 16.0) + 0) cape_operand = ((b - BINS / 2) / 16.0);
                        if (cape_alone && CAPE_LOCK_FREE(*cape_target)) {
                            if (CAPE_INTEGERS(*cape_target, cape_operand)) {
                                cape_fetch_sum((volatile void *)cape_target, (unsigned long long)cape_operand, sizeof *cape_target);
                            } else {
                                __typeof__(*cape_target) cape_new;
                                unsigned long long cape_old;
                                cape_atomic_load((const volatile void *)cape_target, &cape_old, sizeof cape_new, CAPE_RELAXED);
                                do {
                                    __builtin_memcpy((void *)&cape_new, &cape_old, sizeof cape_new);
                                    cape_new += cape_operand;
                                } while (!cape_atomic_replace((volatile void *)cape_target, &cape_old, (const void *)&cape_new, sizeof cape_new, CAPE_RELAXED));
                            }
                        } else if (CAPE_COMMUTES(*cape_target, cape_operand)) {
                            const __typeof__(*cape_target) cape_converted = (__typeof__(*cape_target))cape_operand;
                            cape_atomic_update((void *)cape_target, (const void *)&cape_converted, sizeof *cape_target, CAPE_OPERATION(sum, *cape_target));
                        } else {
                            static const char cape_mixed[!CAPE_COMMUTES(*cape_target, cape_operand)] __attribute__((used, section("cape_mixed"))) = {};
                            cape_atomic_enter(&cape_site_3, CAPE_ATOMIC_CHANGE);
                            *cape_target += cape_operand;
                            cape_atomic_exit(&cape_site_3, CAPE_ATOMIC_CHANGE);
                        }
                    }
                    if (i % 1000 == 0) {
                        {
                            __typeof__(seen) *const cape_target = &(seen);
                            const __typeof__(((unsigned char)(1 << b % 8)) + 0) cape_operand = ((unsigned char)(1 << b % 8));
                            if (cape_alone && CAPE_LOCK_FREE(*cape_target)) {
                                if (CAPE_INTEGERS(*cape_target, cape_operand)) {
                                    cape_fetch_or((volatile void *)cape_target, (unsigned long long)cape_operand, sizeof *cape_target);
                                } else {
                                    __typeof__(*cape_target) cape_new;
                                    unsigned long long cape_old;
                                    cape_atomic_load((const volatile void *)cape_target, &cape_old, sizeof cape_new, CAPE_RELAXED);
                                    do {
                                        __builtin_memcpy((void *)&cape_new, &cape_old, sizeof cape_new);
                                        cape_new |= cape_operand;
                                    } while (!cape_atomic_replace((volatile void *)cape_target, &cape_old, (const void *)&cape_new, sizeof cape_new, CAPE_RELAXED));
                                }
                            } else if (CAPE_COMMUTES(*cape_target, cape_operand)) {
                                const __typeof__(*cape_target) cape_converted = (__typeof__(*cape_target))cape_operand;
                                cape_atomic_update((void *)cape_target, (const void *)&cape_converted, sizeof *cape_target, CAPE_OPERATION(or, *cape_target));
                            } else {
                                static const char cape_mixed[!CAPE_COMMUTES(*cape_target, cape_operand)] __attribute__((used, section("cape_mixed"))) = {};
                                cape_atomic_enter(&cape_site_4, CAPE_ATOMIC_CHANGE);
                                *cape_target |= cape_operand;
                                cape_atomic_exit(&cape_site_4, CAPE_ATOMIC_CHANGE);
                            }
                        }
                    }
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    long samples = argc > 1 ? atol(argv[1]) : 200000;
    if (samples < 1) {
        fprintf(stderr, "histogram: needs at least one sample\n");
        return 2;
    }

    {
        void *cape_env[] = {(void *)&samples};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 1, 0, 1, -1);
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
