#include <cape.h>
/* pi: the area under 4 / (1 + x^2) between 0 and 1, by the midpoint rule and a reduction.
 *
 * The smallest useful OpenMP program: nothing is shared but the sum, so a region costs one message each way.
 *
 * Build and run:  capec -O3 pi.c -o pi && caperun -n 4 ./pi 20000000
 * The argument is the number of intervals (default 20 million).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cape_site cape_site_1 = {"parallel for", "examples/pi.c", 22};

static void cape_region_1_main(void **cape_env)
{
    long intervals = *(__typeof__(intervals) *)cape_env[0];
    const double *cape_orig_width = cape_env[1];
    double *sum = cape_env[2];
    const double width = *cape_orig_width;
    {
        __typeof__((*sum)) *const cape_orig_sum = &(*sum);
        long cape_first = 0;
        long cape_bound = intervals;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            double sum = CAPE_IDENTITY(sum, sum);
            long i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                long cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    double x = ((double)i + 0.5) * width;
                    sum += 4.0 / (1.0 + x * x);
                }
            }
            {
                __typeof__(sum) cape_value_sum = sum;
                cape_reduce(&cape_site_1, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    long intervals = argc > 1 ? atol(argv[1]) : 20000000;
    if (intervals < 1) {
        fprintf(stderr, "pi: needs at least one interval\n");
        return 2;
    }
    const double width = 1.0 / (double)intervals;
    double sum = 0.0, start = omp_get_wtime();

    {
        void *cape_env[] = {(void *)&intervals, (void *)&width, (void *)&sum};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 3, 0, 1, -1);
    }

    fprintf(stderr, "pi: %.3f s\n", omp_get_wtime() - start);
    printf("pi is about %.10f\n", sum * width);
    return 0;
}
