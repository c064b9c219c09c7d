#include <cape.h>
/* heat: a plate warmed by a moving source, all time steps inside one long parallel region.
 *
 * No region is entered or left between the steps: barriers alone keep the threads in step. A `master` block moves the
 * source (followed by the barrier that `master` does not imply), a `for` computes the next temperatures, a `single`
 * exchanges the two grids, which are shared pointers.
 *
 * Build and run:  capec -O3 heat.c -o heat && caperun -n 4 ./heat 128 200
 * The arguments are the points per side (default 128) and the number of time steps (default 200).
 */
#include <stdio.h>
#include <stdlib.h>

static double *now, *next; /* n x n temperatures at this step and at the following one */
static int source_row, source_column;

static const struct cape_site cape_site_1 = {"parallel", "examples/heat.c", 31};
static const struct cape_site cape_site_2 = {"barrier", "examples/heat.c", 39};
static const struct cape_site cape_site_3 = {"for", "examples/heat.c", 41};
static const struct cape_site cape_site_4 = {"single", "examples/heat.c", 49};

static void cape_region_1_main(void **cape_env)
{
    int n = *(__typeof__(n) *)cape_env[0];
    int steps = *(__typeof__(steps) *)cape_env[1];
    for (int step = 0; step < steps; step++) {
        {
            if (cape_master())
            {
                source_row = n / 4 + step % (n / 2);
                source_column = n / 2;
                now[(size_t)source_row * n + source_column] = 1000.0;
            }
        }
        cape_barrier(&cape_site_2);
        {
            int cape_first = 1;
            int cape_bound = n - 1;
            const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
            struct cape_loop cape_chunk;
            {
                int i;
                cape_loop_begin(&cape_chunk, &cape_site_3, cape_count, CAPE_STATIC, 0);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    i = cape_first + cape_chunk.first;
                    int cape_end = i + cape_run;
                    for (; i < cape_end; ++i)
                    {
                        const double *row = now + (size_t)i * n;
                        double *out = next + (size_t)i * n;
                        for (int j = 1; j < n - 1; j++)
                            out[j] = row[j] + 0.2 * (row[j - n] + row[j + n] + row[j - 1] + row[j + 1] - 4.0 * row[j]);
                    }
                }
                cape_loop_end(&cape_chunk);
            }
            cape_barrier(&cape_site_3);
        }
        {
            if (cape_single(&cape_site_4)) {
                {
                    double *swap = now;
                    now = next;
                    next = swap;
                }
            }
            cape_barrier(&cape_site_4);
        }
    }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 128;
    int steps = argc > 2 ? atoi(argv[2]) : 200;
    if (n < 8 || n > 20000 || steps < 0) {
        fprintf(stderr, "heat: needs 8 to 20000 points per side and no negative number of steps\n");
        return 2;
    }
    now = calloc((size_t)n * n, sizeof *now);
    next = calloc((size_t)n * n, sizeof *next);
    if (now == NULL || next == NULL) {
        fprintf(stderr, "heat: no memory for two grids of %d points per side\n", n);
        return 2;
    }

    {
        void *cape_env[] = {(void *)&n, (void *)&steps};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 2, 0, 1, -1);
    }

    /* Summed in serial code, so in the same order for any number of threads: all digits may be shown. */
    double total = 0.0, hottest = 0.0;
    for (size_t k = 0; k < (size_t)n * n; k++) {
        total += now[k];
        hottest = now[k] > hottest ? now[k] : hottest;
    }
    printf("source at (%d, %d) after %d steps\n", source_row, source_column, steps);
    printf("heat %.12e, hottest point %.12f\n", total, hottest);
    for (int k = 1; k < 8; k++)
        printf("row %d/8: %.12e\n", k, now[(size_t)(k * n / 8) * n + n / 2]);

    free(now);
    free(next);
    return 0;
}
