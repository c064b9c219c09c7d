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

int main(void)
{
    const char *words[WORDS] = {"page", "delta", "image", "baseline", "region", "thread", "team", "barrier"};
    int *solutions = calloc(9, sizeof *solutions);
    if (solutions == NULL)
        return 2;

#pragma omp parallel sections
    {
#pragma omp section
        { /* P1: writes an array on the heap */
            for (int size = 1; size <= 8; size++)
                solutions[size] = queens(size, 0, 0, 0, 0);
        }
#pragma omp section
        { /* P2: writes a global array */
            for (int n = 0; n < ROWS; n++)
                for (int k = 0; k <= n; k++)
                    triangle[n][k] = k == 0 || k == n ? 1 : triangle[n - 1][k - 1] + triangle[n - 1][k];
        }
#pragma omp section
        /* P3: changes an array on the stack of main */
        qsort(words, WORDS, sizeof words[0], by_name);
    }

    printf("eight queens: %d solutions\n", solutions[8]);
    printf("%d over %d: %ld\n", ROWS - 1, (ROWS - 1) / 2, triangle[ROWS - 1][(ROWS - 1) / 2]);
    printf("sorted:");
    for (int w = 0; w < WORDS; w++)
        printf(" %s", words[w]);
    printf("\n");

    long sum = 0;
    int stage = 0;
#pragma omp parallel shared(solutions, triangle)
    {
#pragma omp sections lastprivate(stage) reduction(+ : sum)
        {
            for (int size = 1; size <= 8; size++) /* the first section needs no directive */
                sum += solutions[size];
#pragma omp section
            for (int k = 0; k < ROWS; k++)
                sum += triangle[ROWS - 1][k];
#pragma omp section
            {
                stage = 3;
                sum += (long)strlen(words[0]);
            }
        }
    }
    printf("sum %ld after stage %d\n", sum, stage);
    free(solutions);
    return 0;
}
