#include <stdio.h>
#define N 8 /* kept */

/* Every construct once; comments and macros stay. */
static double all(const double *a, int n, double table[n])
{
    double sum = 0, last = 0;
    int count = 0; // counted atomically
    struct { int low, high; } range = {0, N};
#pragma omp parallel reduction(+ : sum) firstprivate(last) num_threads(n > 2 ? 2 : 1)
    {
        int mine = N; /* of this thread */
#pragma omp for schedule(dynamic, 2) nowait
        for (int i = range.low; i < n; i += 2) {
            table[i] = a[i] * mine; // uses the macro's value
            sum += table[i];
        }
#pragma omp barrier
#pragma omp single
        range.high = n;
#pragma omp master
        {
            count = 0;
        }
#pragma omp critical(totals)
        last += sum;
#pragma omp atomic
        count += 2;
    }
#pragma omp parallel for collapse(2) lastprivate(last)
    for (int i = 0; i < N; ++i)
        for (int j = N; j > 0; --j)
            last = i * N + j;
#pragma omp parallel sections
    {
#pragma omp section
        printf("one\n");
#pragma omp section
        {
            count++;
        }
    }
    return sum + last + count + range.high;
}

int main(void)
{
    double a[N] = {0}, t[N];
    return all(a, N, t) < 0;
}
/* emitted */
#include <cape.h>
#include <stdio.h>
#define N 8 /* kept */

static const struct cape_site cape_site_1 = {"parallel", "constructs.c", 10};
static const struct cape_site cape_site_2 = {"for", "constructs.c", 13};
static const struct cape_site cape_site_3 = {"barrier", "constructs.c", 18};
static const struct cape_site cape_site_4 = {"single", "constructs.c", 19};
CAPE_CRITICAL(cape_critical_totals);
static const struct cape_site cape_site_5 = {"critical", "constructs.c", 25};
static const struct cape_site cape_site_6 = {"atomic", "constructs.c", 27};
static const struct cape_site cape_site_7 = {"parallel for", "constructs.c", 30};
static const struct cape_site cape_site_8 = {"parallel sections", "constructs.c", 34};

static void cape_region_1_all(void **cape_env)
{
    const double *a = *(__typeof__(a) *)cape_env[0];
    int n = *(__typeof__(n) *)cape_env[1];
    double (*table) = *(__typeof__(table) *)cape_env[2];
    double *cape_orig_sum = cape_env[3];
    double *cape_orig_last = cape_env[4];
    int *count = cape_env[5];
    struct cape_type_1 { int low, high; };
    struct cape_type_1 *range = cape_env[6];
    double sum = CAPE_IDENTITY(sum, sum);
    double last = *cape_orig_last;
    {
        int mine = N; /* of this thread */
        {
            int cape_first = (*range).low;
            int cape_bound = n;
            const unsigned long long cape_count = cape_first < cape_bound ? (((unsigned long long)cape_bound - (unsigned long long)cape_first) - 1) / (unsigned long long)2 + 1 : 0;
            struct cape_loop cape_chunk;
            {
                int i;
                cape_loop_begin(&cape_chunk, &cape_site_2, cape_count, CAPE_DYNAMIC, 2);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    i = cape_first + cape_chunk.first * (unsigned long long)2;
                    for (; cape_run; --cape_run, i += 2)
                    {
                        table[i] = a[i] * mine; // uses the macro's value
                        sum += table[i];
                    }
                }
                cape_loop_end(&cape_chunk);
            }
        }
        cape_barrier(&cape_site_3);
        {
            if (cape_single(&cape_site_4)) {
                (*range).high = n;
            }
            cape_barrier(&cape_site_4);
        }
        {
            if (cape_master())
            {
                (*count) = 0;
            }
        }
        {
            cape_critical_enter(&cape_site_5, &cape_critical_totals);
            last += sum;
            cape_critical_exit(&cape_site_5, &cape_critical_totals);
        }
        {
            __typeof__((*count)) *const cape_target = &((*count));
            const __typeof__((2) + 0) cape_operand = (2);
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
                cape_atomic_enter(&cape_site_6, CAPE_ATOMIC_CHANGE);
                *cape_target += cape_operand;
                cape_atomic_exit(&cape_site_6, CAPE_ATOMIC_CHANGE);
            }
        }
    }
    {
        __typeof__(sum) cape_value_sum = sum;
        cape_reduce(&cape_site_1, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
    }
}

static void cape_region_2_all(void **cape_env)
{
    double *last = cape_env[0];
    {
        __typeof__((*last)) *const cape_orig_last = &(*last);
        int cape_first_1 = 0;
        int cape_bound_1 = 8;
        const unsigned long long cape_count_1 = cape_first_1 < cape_bound_1 ? ((unsigned long long)cape_bound_1 - (unsigned long long)cape_first_1) : 0;
        int cape_first_2 = 8;
        int cape_bound_2 = 0;
        const unsigned long long cape_count_2 = cape_bound_2 < cape_first_2 ? ((unsigned long long)cape_first_2 - (unsigned long long)cape_bound_2) : 0;
        const unsigned long long cape_count = cape_count_1 * cape_count_2;
        struct cape_loop cape_chunk;
        {
            double last;
            int i;
            int j;
            cape_loop_begin(&cape_chunk, &cape_site_7, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_point = cape_chunk.first;
                while (cape_point < cape_chunk.end) {
                    unsigned long long cape_rest = cape_point, cape_index, cape_run = cape_count_2 - cape_point % cape_count_2;
                    cape_index = cape_rest % cape_count_2;
                    j = cape_first_2 - cape_index;
                    cape_rest /= cape_count_2;
                    cape_index = cape_rest;
                    i = cape_first_1 + cape_index;
                    if (cape_run > cape_chunk.end - cape_point)
                        cape_run = cape_chunk.end - cape_point;
                    cape_point += cape_run;
                    int cape_end = j - cape_run;
                    for (; j > cape_end; --j)
                        last = i * N + j;
                }
            }
            if (cape_chunk.last) {
                {
                    __typeof__(last) cape_value_last = last;
                    cape_assign(&cape_site_7, (void *)cape_orig_last, (const void *)&cape_value_last, sizeof last);
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static void cape_region_3_all(void **cape_env)
{
    int *count = cape_env[0];
    {
        struct cape_loop cape_chunk;
        {
            unsigned long long cape_section;
            cape_loop_begin(&cape_chunk, &cape_site_8, 2, CAPE_STATIC, 1);
            while (cape_loop_next(&cape_chunk))
                for (cape_section = cape_chunk.first; cape_section < cape_chunk.end; ++cape_section)
                    switch (cape_section) {
                case 0: {
                    printf("one\n");
                } break;
                case 1: {
                    {
                        (*count)++;
                    }
                } break;
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

/* Every construct once; comments and macros stay. */
static double all(const double *a, int n, double table[n])
{
    double sum = 0, last = 0;
    int count = 0; // counted atomically
    struct cape_type_1 { int low, high; } range = {0, N};
    {
        void *cape_env[] = {(void *)&a, (void *)&n, (void *)&table, (void *)&sum, (void *)&last, (void *)&count, (void *)&range};
        cape_parallel(&cape_site_1, cape_region_1_all, cape_env, 7, (n > 2 ? 2 : 1), 1, -1);
    }
    {
        void *cape_env[] = {(void *)&last};
        cape_parallel(&cape_site_7, cape_region_2_all, cape_env, 1, 0, 1, -1);
    }
    {
        void *cape_env[] = {(void *)&count};
        cape_parallel(&cape_site_8, cape_region_3_all, cape_env, 1, 0, 1, -1);
    }
    return sum + last + count + range.high;
}

int main(void)
{
    double a[N] = {0}, t[N];
    return all(a, N, t) < 0;
}
