#include <cape.h>
/* sections: independent jobs side by side in `parallel sections`, the construct with which CAPE began.
 *
 * The CAPE paper translates two jobs, P1 and P2, in parallel sections, the results of which the program uses afterwards.
 * Here P1 solves the eight queens problem, P2 fills Pascal's triangle, and P3 sorts a list of words. They share nothing
 * but their surroundings: a global table, an array on the heap and the stack of `main`. A second region, after a serial
 * part, shows `sections` inside `parallel`, with a lastprivate and a reduction.
 *
 * Build and run:  capec -O3 sections.c -o sections && caperun -n 4 ./sections
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 30, WORDS = 8 };

static long triangle[ROWS][ROWS];

/* Ways to place queens in the rows from `row` on; bits of the masks are columns under attack. */
static int queens(int size, int row, unsigned columns, unsigned left, unsigned right)
{
    int ways = 0;
    if (row == size)
        return 1;
    for (unsigned place = 1; place < 1u << size; place <<= 1)
        if (!(place & (columns | left | right)))
            ways += queens(size, row + 1, columns | place, (left | place) << 1, (right | place) >> 1);
    return ways;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const struct cape_site cape_site_1 = {"parallel sections", "examples/sections.c", 42};
static const struct cape_site cape_site_2 = {"parallel", "examples/sections.c", 69};
static const struct cape_site cape_site_3 = {"sections", "examples/sections.c", 71};

static void cape_region_1_main(void **cape_env)
{
    const char *(*words)[WORDS] = cape_env[0];
    int *solutions = *(__typeof__(solutions) *)cape_env[1];
    {
        struct cape_loop cape_chunk;
        {
            unsigned long long cape_section;
            cape_loop_begin(&cape_chunk, &cape_site_1, 3, CAPE_STATIC, 1);
            while (cape_loop_next(&cape_chunk))
                for (cape_section = cape_chunk.first; cape_section < cape_chunk.end; ++cape_section)
                    switch (cape_section) {
                case 0: {
                    { /* P1: writes an array on the heap */
                        for (int size = 1; size <= 8; size++)
                            solutions[size] = queens(size, 0, 0, 0, 0);
                    }
                } break;
                case 1: {
                    { /* P2: writes a global array */
                        for (int n = 0; n < ROWS; n++)
                            for (int k = 0; k <= n; k++)
                                triangle[n][k] = k == 0 || k == n ? 1 : triangle[n - 1][k - 1] + triangle[n - 1][k];
                    }
                } break;
                case 2: {
                    qsort((*words), WORDS, sizeof (*words)[0], by_name);
                } break;
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static void cape_region_2_main(void **cape_env)
{
    const char *(*words)[WORDS] = cape_env[0];
    int *solutions = *(__typeof__(solutions) *)cape_env[1];
    long *sum = cape_env[2];
    int *stage = cape_env[3];
    {
        {
            struct cape_loop cape_chunk;
            __typeof__((*stage)) *const cape_orig_stage = &(*stage);
            __typeof__((*sum)) *const cape_orig_sum = &(*sum);
            {
                unsigned long long cape_section;
                int stage;
                long sum = CAPE_IDENTITY(sum, sum);
                cape_loop_begin(&cape_chunk, &cape_site_3, 3, CAPE_STATIC, 1);
                while (cape_loop_next(&cape_chunk))
                    for (cape_section = cape_chunk.first; cape_section < cape_chunk.end; ++cape_section)
                        switch (cape_section) {
                    case 0: {
                        for (int size = 1; size <= 8; size++) /* the first section needs no directive */
                        sum += solutions[size];
                    } break;
                    case 1: {
                        for (int k = 0; k < ROWS; k++)
                            sum += triangle[ROWS - 1][k];
                    } break;
                    case 2: {
                        {
                            stage = 3;
                            sum += (long)strlen((*words)[0]);
                        }
                    } break;
                }
                {
                    __typeof__(sum) cape_value_sum = sum;
                    cape_reduce(&cape_site_3, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
                }
                if (cape_chunk.last) {
                    {
                        __typeof__(stage) cape_value_stage = stage;
                        cape_assign(&cape_site_3, (void *)cape_orig_stage, (const void *)&cape_value_stage, sizeof stage);
                    }
                }
                cape_loop_end(&cape_chunk);
            }
        }
    }
}

int main(void)
{
    const char *words[WORDS] = {"page", "delta", "image", "baseline", "region", "thread", "team", "barrier"};
    int *solutions = calloc(9, sizeof *solutions);
    if (solutions == NULL)
        return 2;

    {
        void *cape_env[] = {(void *)&words, (void *)&solutions};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 2, 0, 1, -1);
    }

    printf("eight queens: %d solutions\n", solutions[8]);
    printf("%d over %d: %ld\n", ROWS - 1, (ROWS - 1) / 2, triangle[ROWS - 1][(ROWS - 1) / 2]);
    printf("sorted:");
    for (int w = 0; w < WORDS; w++)
        printf(" %s", words[w]);
    printf("\n");

    long sum = 0;
    int stage = 0;
    {
        void *cape_env[] = {(void *)&words, (void *)&solutions, (void *)&sum, (void *)&stage};
        cape_parallel(&cape_site_2, cape_region_2_main, cape_env, 4, 0, 1, -1);
    }
    printf("sum %ld after stage %d\n", sum, stage);
    free(solutions);
    return 0;
}
