#include <cape.h>
//# cflags: -lm
/* jacobi: Laplace's equation on a square by Jacobi's method, one parallel region per sweep.
 *
 * The top edge is held at 100 degrees, the others at 0. Every sweep replaces each inner point by the mean of its four
 * neighbours; a reduction sums the squared changes. The two grids change roles between the sweeps, in serial code.
 *
 * Build and run:  capec -O3 jacobi.c -o jacobi -lm && caperun -n 4 ./jacobi 100 400
 * The arguments are the points per side (default 100) and the number of sweeps (default 400).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double *new_grid(int n)
{
    double *grid = calloc((size_t)n * n, sizeof *grid);
    if (grid == NULL) {
        fprintf(stderr, "jacobi: no memory for a grid of %d points per side\n", n);
        exit(2);
    }
    for (int j = 0; j < n; j++)
        grid[j] = 100.0;
    return grid;
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/jacobi.c", 31};

static void cape_region_1_sweep(void **cape_env)
{
    const double *old = *(__typeof__(old) *)cape_env[0];
    double *new = *(__typeof__(new) *)cape_env[1];
    int n = *(__typeof__(n) *)cape_env[2];
    double *change = cape_env[3];
    {
        __typeof__((*change)) *const cape_orig_change = &(*change);
        int cape_first = 1;
        int cape_bound = n - 1;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            double change = CAPE_IDENTITY(sum, change);
            int i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                int cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    for (int j = 1; j < n - 1; j++) {
                        const double *p = old + (size_t)i * n + j;
                        double value = 0.25 * (p[-n] + p[n] + p[-1] + p[1]);
                        change += (value - *p) * (value - *p);
                        new[(size_t)i * n + j] = value;
                    }
                }
            }
            {
                __typeof__(change) cape_value_change = change;
                cape_reduce(&cape_site_1, (void *)cape_orig_change, &cape_value_change, sizeof change, 1, CAPE_COMBINER(sum, change));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

/* One sweep; returns the 2-norm of the change. */
static double sweep(const double *old, double *new, int n)
{
    double change = 0.0;

    {
        void *cape_env[] = {(void *)&old, (void *)&new, (void *)&n, (void *)&change};
        cape_parallel(&cape_site_1, cape_region_1_sweep, cape_env, 4, 0, 1, -1);
    }
    return sqrt(change);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 100;
    int sweeps = argc > 2 ? atoi(argv[2]) : 400;
    if (n < 3 || n > 20000 || sweeps < 1) {
        fprintf(stderr, "jacobi: needs 3 to 20000 points per side and at least one sweep\n");
        return 2;
    }
    double *grid = new_grid(n), *next = new_grid(n);

    for (int s = 1; s <= sweeps; s++) {
        double change = sweep(grid, next, n);
        double *swap = grid;
        grid = next;
        next = swap;
        /* The order of summation depends on the number of threads: print fewer digits than it can disturb. */
        if (s == 1 || s % 100 == 0 || s == sweeps)
            printf("sweep %5d: change %.6e\n", s, change);
    }
    for (int k = 1; k < 8; k++)
        printf("at %d/8 of the height: %.10f\n", k, grid[(size_t)(k * (n - 1) / 8) * n + n / 2]);

    free(grid);
    free(next);
    return 0;
}
