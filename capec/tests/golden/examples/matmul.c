#include <cape.h>
/* matmul: the product of two dense matrices of integers, the measurement of the CAPE papers.
 *
 * A and B are filled serially, so a machine with separate memories must carry both to every process; each process then
 * computes a block of rows of C, and only those rows travel back. The product is checked with Freivalds' method:
 * C r = A (B r) for a vector r, in arithmetic modulo 2^64, which costs only 3 n^2 operations.
 *
 * Build and run:  capec -O3 matmul.c -o matmul && caperun -n 4 ./matmul 600
 * The argument is the number of rows (default 600). Times go to stderr, results to stdout.
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int *new_matrix(size_t n)
{
    int *m = malloc(n * n * sizeof *m);
    if (m == NULL) {
        fprintf(stderr, "matmul: no memory for a matrix of %zu rows\n", n);
        exit(2);
    }
    return m;
}

/* out = M v modulo 2^64 */
static void times_vector(const int *m, const uint64_t *v, uint64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += (uint64_t)(int64_t)m[i * n + j] * v[j];
        out[i] = sum;
    }
}

static int product_is_right(const int *a, const int *b, const int *c, size_t n)
{
    uint64_t *r = malloc(4 * n * sizeof *r);
    if (r == NULL)
        return 0;
    uint64_t *br = r + n, *abr = br + n, *cr = abr + n, state = 42;
    int right = 1;

    for (size_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        r[i] = state >> 32;
    }
    times_vector(b, r, br, n);
    times_vector(a, br, abr, n);
    times_vector(c, r, cr, n);
    for (size_t i = 0; i < n; i++)
        right &= abr[i] == cr[i];
    free(r);
    return right;
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/matmul.c", 74};

static void cape_region_1_main(void **cape_env)
{
    size_t n = *(__typeof__(n) *)cape_env[0];
    int *a = *(__typeof__(a) *)cape_env[1];
    int *b = *(__typeof__(b) *)cape_env[2];
    int *c = *(__typeof__(c) *)cape_env[3];
    {
        size_t cape_first = 0;
        size_t cape_bound = n;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            size_t i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                size_t cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    int *c_row = c + i * n;
                    for (size_t j = 0; j < n; j++)
                        c_row[j] = 0;
                    for (size_t k = 0; k < n; k++) {
                        const int factor = a[i * n + k], *b_row = b + k * n;
                        for (size_t j = 0; j < n; j++)
                            c_row[j] += factor * b_row[j];
                    }
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    long rows = argc > 1 ? atol(argv[1]) : 600;
    if (rows < 1 || rows > 20000) {
        fprintf(stderr, "matmul: the size must be from 1 to 20000\n");
        return 2;
    }
    size_t n = (size_t)rows;
    int *a = new_matrix(n), *b = new_matrix(n), *c = new_matrix(n);

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            a[i * n + j] = (int)((i * 7 + j * 3) % 19) - 9;
            b[i * n + j] = (int)((i * 5 + j * 11) % 23) - 11;
        }

    double start = omp_get_wtime();
    {
        void *cape_env[] = {(void *)&n, (void *)&a, (void *)&b, (void *)&c};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 4, 0, 1, -1);
    }
    fprintf(stderr, "matmul: %.3f s in the parallel loop\n", omp_get_wtime() - start);

    uint64_t checksum = 0;
    for (size_t i = 0; i < n * n; i++)
        checksum = checksum * 31 + (uint64_t)(int64_t)c[i];
    int right = product_is_right(a, b, c, n);
    printf("matmul %zu: checksum %016llx, %s\n", n, (unsigned long long)checksum, right ? "verified" : "WRONG");

    free(a);
    free(b);
    free(c);
    return right ? 0 : 1;
}
