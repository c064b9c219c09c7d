#include <cape.h>
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

static const struct cape_site cape_site_1 = {"parallel for", "examples/primes.c", 34};
static const struct cape_site cape_site_2 = {"parallel", "examples/primes.c", 44};
static const struct cape_site cape_site_3 = {"for", "examples/primes.c", 47};
static const struct cape_site cape_site_4 = {"for", "examples/primes.c", 50};

static void cape_region_1_main(void **cape_env)
{
    long last = *(__typeof__(last) *)cape_env[0];
    long *count = cape_env[1];
    long *largest = cape_env[2];
    unsigned long *sum = cape_env[3];
    unsigned long *mixed = cape_env[4];
    {
        __typeof__((*count)) *const cape_orig_count = &(*count);
        __typeof__((*sum)) *const cape_orig_sum = &(*sum);
        __typeof__((*largest)) *const cape_orig_largest = &(*largest);
        __typeof__((*mixed)) *const cape_orig_mixed = &(*mixed);
        long cape_first = 2;
        long cape_bound = last;
        const unsigned long long cape_count = cape_first <= cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) + 1 : 0;
        struct cape_loop cape_chunk;
        {
            long count = CAPE_IDENTITY(sum, count);
            unsigned long sum = CAPE_IDENTITY(sum, sum);
            long largest = CAPE_IDENTITY(max, largest);
            unsigned long mixed = CAPE_IDENTITY(xor, mixed);
            long n;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_DYNAMIC, 1000);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                n = cape_first + cape_chunk.first;
                long cape_end = n + cape_run;
                for (; n < cape_end; ++n)
                    if (is_prime(n)) {
                    count++;
                    sum += (unsigned long)n;
                    mixed ^= (unsigned long)n;
                    if (n > largest)
                        largest = n;
                }
            }
            {
                __typeof__(count) cape_value_count = count;
                cape_reduce(&cape_site_1, (void *)cape_orig_count, &cape_value_count, sizeof count, 1, CAPE_COMBINER(sum, count));
            }
            {
                __typeof__(sum) cape_value_sum = sum;
                cape_reduce(&cape_site_1, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
            }
            {
                __typeof__(largest) cape_value_largest = largest;
                cape_reduce(&cape_site_1, (void *)cape_orig_largest, &cape_value_largest, sizeof largest, 1, CAPE_COMBINER(max, largest));
            }
            {
                __typeof__(mixed) cape_value_mixed = mixed;
                cape_reduce(&cape_site_1, (void *)cape_orig_mixed, &cape_value_mixed, sizeof mixed, 1, CAPE_COMBINER(xor, mixed));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static void cape_region_2_main(void **cape_env)
{
    long last = *(__typeof__(last) *)cape_env[0];
    long *guided = cape_env[1];
    long *runtime = cape_env[2];
    {
        /* Odd numbers only, downwards: the loop may run in either direction and with any step. */
        {
            __typeof__((*guided)) *const cape_orig_guided = &(*guided);
            long cape_first = last - (last % 2 == 0);
            long cape_bound = 2;
            const unsigned long long cape_count = cape_bound < cape_first ? (((unsigned long long)cape_first - (unsigned long long)cape_bound) - 1) / (unsigned long long)2 + 1 : 0;
            struct cape_loop cape_chunk;
            {
                long guided = CAPE_IDENTITY(sum, guided);
                long n;
                cape_loop_begin(&cape_chunk, &cape_site_3, cape_count, CAPE_GUIDED, 64);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    n = cape_first - cape_chunk.first * (unsigned long long)2;
                    for (; cape_run; --cape_run, n -= 2)
                        guided += is_prime(n);
                }
                {
                    __typeof__(guided) cape_value_guided = guided;
                    cape_reduce(&cape_site_3, (void *)cape_orig_guided, &cape_value_guided, sizeof guided, 1, CAPE_COMBINER(sum, guided));
                }
                cape_loop_end(&cape_chunk);
            }
        }
        {
            __typeof__((*runtime)) *const cape_orig_runtime = &(*runtime);
            long cape_first = 3;
            long cape_bound = last;
            const unsigned long long cape_count = cape_first <= cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) / (unsigned long long)2 + 1 : 0;
            struct cape_loop cape_chunk;
            {
                long runtime = CAPE_IDENTITY(sum, runtime);
                long n;
                cape_loop_begin(&cape_chunk, &cape_site_4, cape_count, CAPE_RUNTIME, 0);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    n = cape_first + cape_chunk.first * (unsigned long long)2;
                    for (; cape_run; --cape_run, n += 2)
                        runtime += is_prime(n);
                }
                {
                    __typeof__(runtime) cape_value_runtime = runtime;
                    cape_reduce(&cape_site_4, (void *)cape_orig_runtime, &cape_value_runtime, sizeof runtime, 1, CAPE_COMBINER(sum, runtime));
                }
                cape_loop_end(&cape_chunk);
            }
        }
    }
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

    {
        void *cape_env[] = {(void *)&last, (void *)&count, (void *)&largest, (void *)&sum, (void *)&mixed};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 5, 0, 1, -1);
    }
    {
        void *cape_env[] = {(void *)&last, (void *)&guided, (void *)&runtime};
        cape_parallel(&cape_site_2, cape_region_2_main, cape_env, 3, 0, 1, -1);
    }

    printf("%ld primes up to %ld, the largest is %ld\n", count, last, largest);
    printf("their sum is %lu, their exclusive or %lx\n", sum, mixed);
    if (guided + 1 != count || runtime + 1 != count) { /* + 1: the even prime */
        printf("WRONG: guided counts %ld, runtime %ld\n", guided + 1, runtime + 1);
        return 1;
    }
    return 0;
}
