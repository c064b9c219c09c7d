#include <cape.h>
//# cflags: -lm
/* cg: conjugate gradients with a sparse matrix, compressed by rows (CSR).
 *
 * The matrix is that of Poisson's equation on a square grid: 4 on the diagonal, -1 for each neighbour. The right-hand side
 * is made from a known solution, so the answer can be checked. The parallel regions are in the functions that a linear
 * algebra library would have: product, dot, and update of vectors; each iteration enters five of them.
 *
 * Build and run:  capec -O3 cg.c -o cg -lm && caperun -n 4 ./cg 48
 * The argument is the number of grid points per side (default 48, so 2304 unknowns).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct csr {
    int rows;
    int *start;    /* row i has the entries start[i] to start[i + 1] - 1 */
    int *column;
    double *value;
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "cg: no memory for %zu times %zu bytes\n", count, size);
        exit(2);
    }
    return memory;
}

static struct csr *poisson(int side)
{
    struct csr *m = allocate(1, sizeof *m);
    int entries = 0;

    m->rows = side * side;
    m->start = allocate((size_t)m->rows + 1, sizeof *m->start);
    m->column = allocate((size_t)m->rows * 5, sizeof *m->column);
    m->value = allocate((size_t)m->rows * 5, sizeof *m->value);
    for (int i = 0; i < m->rows; i++) {
        const int offset[5] = {-side, -1, 0, 1, side};
        const int inside[5] = {i >= side, i % side > 0, 1, i % side < side - 1, i < m->rows - side};
        for (int k = 0; k < 5; k++)
            if (inside[k]) {
                m->column[entries] = i + offset[k];
                m->value[entries++] = offset[k] == 0 ? 4.0 : -1.0;
            }
        m->start[i + 1] = entries;
    }
    return m;
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/cg.c", 57};

static void cape_region_1_product(void **cape_env)
{
    const struct csr *m = *(__typeof__(m) *)cape_env[0];
    const double *x = *(__typeof__(x) *)cape_env[1];
    double *y = *(__typeof__(y) *)cape_env[2];
    {
        int cape_first = 0;
        int cape_bound = m->rows;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            int i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                int cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    double sum = 0.0;
                    for (int k = m->start[i]; k < m->start[i + 1]; k++)
                        sum += m->value[k] * x[m->column[k]];
                    y[i] = sum;
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

/* y = M x */
static void product(const struct csr *m, const double *x, double *y)
{
    {
        void *cape_env[] = {(void *)&m, (void *)&x, (void *)&y};
        cape_parallel(&cape_site_1, cape_region_1_product, cape_env, 3, 0, 1, -1);
    }
}

static const struct cape_site cape_site_2 = {"parallel for", "examples/cg.c", 69};

static void cape_region_2_dot(void **cape_env)
{
    int n = *(__typeof__(n) *)cape_env[0];
    const double *x = *(__typeof__(x) *)cape_env[1];
    const double *y = *(__typeof__(y) *)cape_env[2];
    double *sum = cape_env[3];
    {
        __typeof__((*sum)) *const cape_orig_sum = &(*sum);
        int cape_first = 0;
        int cape_bound = n;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            double sum = CAPE_IDENTITY(sum, sum);
            int i;
            cape_loop_begin(&cape_chunk, &cape_site_2, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                int cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                    sum += x[i] * y[i];
            }
            {
                __typeof__(sum) cape_value_sum = sum;
                cape_reduce(&cape_site_2, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static double dot(int n, const double *x, const double *y)
{
    double sum = 0.0;
    {
        void *cape_env[] = {(void *)&n, (void *)&x, (void *)&y, (void *)&sum};
        cape_parallel(&cape_site_2, cape_region_2_dot, cape_env, 4, 0, 1, -1);
    }
    return sum;
}

static const struct cape_site cape_site_3 = {"parallel for", "examples/cg.c", 78};

static void cape_region_3_update(void **cape_env)
{
    int n = *(__typeof__(n) *)cape_env[0];
    double a = *(__typeof__(a) *)cape_env[1];
    const double *x = *(__typeof__(x) *)cape_env[2];
    double b = *(__typeof__(b) *)cape_env[3];
    double *y = *(__typeof__(y) *)cape_env[4];
    {
        int cape_first = 0;
        int cape_bound = n;
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
                    y[i] = a * x[i] + b * y[i];
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

/* y = a x + b y */
static void update(int n, double a, const double *x, double b, double *y)
{
    {
        void *cape_env[] = {(void *)&n, (void *)&a, (void *)&x, (void *)&b, (void *)&y};
        cape_parallel(&cape_site_3, cape_region_3_update, cape_env, 5, 0, 1, -1);
    }
}

int main(int argc, char **argv)
{
    int side = argc > 1 ? atoi(argv[1]) : 48;
    if (side < 1 || side > 4000) {
        fprintf(stderr, "cg: needs 1 to 4000 points per side\n");
        return 2;
    }
    struct csr *m = poisson(side);
    int n = m->rows, iterations = 0;
    double *known = allocate(n, sizeof *known), *x = allocate(n, sizeof *x), *r = allocate(n, sizeof *r);
    double *p = allocate(n, sizeof *p), *q = allocate(n, sizeof *q);

    for (int i = 0; i < n; i++)
        known[i] = (i * 37 % 101) / 101.0;
    product(m, known, r); /* x is 0, so the first residual is the right-hand side */
    update(n, 1.0, r, 0.0, p);

    double square = dot(n, r, r), goal = 1e-20 * square;
    while (square > goal && iterations < 10 * n) {
        product(m, p, q);
        double step = square / dot(n, p, q);
        update(n, step, p, 1.0, x);
        update(n, -step, q, 1.0, r);
        double before = square;
        square = dot(n, r, r);
        update(n, 1.0, r, square / before, p);
        iterations++;
    }

    double error = 0.0, sum = 0.0;
    for (int i = 0; i < n; i++) {
        error = fmax(error, fabs(x[i] - known[i]));
        sum += x[i];
    }
    printf("%d unknowns, %d entries, %s after %d iterations\n", n, m->start[n], square > goal ? "not solved" : "solved",
           iterations);
    printf("sum of the solution %.6f, error %s\n", sum, error < 1e-6 ? "below 1e-6" : "TOO LARGE");

    free(m->start), free(m->column), free(m->value), free(m);
    free(known), free(x), free(r), free(p), free(q);
    return error < 1e-6 ? 0 : 1;
}
