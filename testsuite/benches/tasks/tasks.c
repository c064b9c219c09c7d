/* Shapes of task programs: prints each one's name and the microseconds that its parallel region took. What the tasks work on is prepared
 * before, and results are checked afterwards, as BOTS does. Arguments: the shapes to run, one after the other; none: all.
 *
 *   fib, tiny, tiny-atomic, queens-fine   tasks of less than a microsecond: what they cost
 *   queens       12 queens, a task for each place of the first three rows: about 0.1 to 10 ms
 *   sort         merge sort of 8 Mi ints, qsort below 128 Ki of them: 10 ms and more; the last merge is not divided
 *   sparse-lu    12 x 12 blocks of 192 x 192 doubles, a third of them empty at first: 2 to 5 ms
 *   flat, tree   60 tasks of 5 ms; a binary tree with 128 leaves of 2 ms
 *   naps, nap-tree   the same asleep
 */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *shape)
{
    fprintf(stderr, "%s: wrong result\n", shape);
    exit(1);
}

static void compute(double milliseconds)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    double end = now.tv_sec * 1e3 + now.tv_nsec * 1e-6 + milliseconds;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    while (now.tv_sec * 1e3 + now.tv_nsec * 1e-6 < end);
}

/* The smallest tasks: no cut-off. */
static long fibonacci(int n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a)
    a = fibonacci(n - 1);
#pragma omp task shared(b)
    b = fibonacci(n - 2);
#pragma omp taskwait
    return a + b;
}

static long fibs;
static void fib(void)
{
    fibs = fibonacci(30);
}

static void check_fib(void)
{
    if (fibs != 832040)
        fail("fib");
}

/* Many tasks made by one. */
enum { MANY = 3000000, FEWER = 300000 };
static unsigned char marks[MANY];
static void tiny(void)
{
    for (int k = 0; k < MANY; k++) {
#pragma omp task firstprivate(k)
        marks[k]++;
    }
#pragma omp taskwait
}

static void check_tiny(void)
{
    for (int k = 0; k < MANY; k++)
        if (marks[k] != 1)
            fail("tiny");
}

/* The same, all of them adding to few variables: what atomics cost where there are several ranks. */
static long counts[64];
static void tiny_atomic(void)
{
    for (int k = 0; k < FEWER; k++) {
#pragma omp task firstprivate(k)
        {
#pragma omp atomic
            counts[k % 64]++;
        }
    }
#pragma omp taskwait
}

static void check_tiny_atomic(void)
{
    long sum = 0;
    for (int k = 0; k < 64; k++)
        sum += counts[k];
    if (sum != FEWER)
        fail("tiny-atomic");
}

static int safe(const char *rows, int row, int column)
{
    for (int k = 0; k < row; k++)
        if (rows[k] == column || rows[k] - column == row - k || column - rows[k] == row - k)
            return 0;
    return 1;
}

static long place(int n, int row, const char *rows, int cut)
{
    long counts[16] = {0}, sum = 0;
    if (row == n)
        return 1;
    for (int column = 0; column < n; column++) {
        if (!safe(rows, row, column))
            continue;
        if (row >= cut) {
            char next[16];
            memcpy(next, rows, 16);
            next[row] = column;
            counts[column] = place(n, row + 1, next, cut);
        } else {
#pragma omp task shared(counts) firstprivate(column, row, n, cut)
            {
                char next[16];
                memcpy(next, rows, 16);
                next[row] = column;
                counts[column] = place(n, row + 1, next, cut);
            }
        }
    }
#pragma omp taskwait
    for (int column = 0; column < n; column++)
        sum += counts[column];
    return sum;
}

static long placed;
static void queens(void)
{
    char rows[16] = {0};
    placed = place(12, 0, rows, 3);
}

static void queens_fine(void)
{
    char rows[16] = {0};
    placed = place(12, 0, rows, 12);
}

static void check_queens(void)
{
    if (placed != 14200)
        fail("queens");
}

enum { KEYS = 1 << 23, LEAF = 1 << 17 };
static int keys[KEYS], spare[KEYS];

static int by_value(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void merge_sort(int *data, int *scratch, long n)
{
    if (n <= LEAF) {
        qsort(data, n, sizeof *data, by_value);
        return;
    }
    long half = n / 2, i = 0, j = half, k = 0;
#pragma omp task
    merge_sort(data, scratch, half);
#pragma omp task
    merge_sort(data + half, scratch + half, n - half);
#pragma omp taskwait
    while (k < n)
        scratch[k++] = j >= n || (i < half && data[i] <= data[j]) ? data[i++] : data[j++];
    memcpy(data, scratch, n * sizeof *data);
}

static void fill_keys(void)
{
    uint32_t state = 1;
    for (int k = 0; k < KEYS; k++)
        keys[k] = (int)((state = state * 1664525u + 1013904223u) >> 1);
}

static void sort(void)
{
    merge_sort(keys, spare, KEYS);
}

static void check_sort(void)
{
    for (int k = 1; k < KEYS; k++)
        if (keys[k - 1] > keys[k])
            fail("sort");
}

/* LU factorisation of a sparse matrix of blocks. */
enum { BLOCKS = 12, SIDE = 192 };
static double *matrix[BLOCKS][BLOCKS];

static void lu0(double *d)
{
    for (int k = 0; k < SIDE; k++)
        for (int i = k + 1; i < SIDE; i++) {
            d[i * SIDE + k] /= d[k * SIDE + k];
            for (int j = k + 1; j < SIDE; j++)
                d[i * SIDE + j] -= d[i * SIDE + k] * d[k * SIDE + j];
        }
}

static void forward(const double *d, double *b)
{
    for (int k = 0; k < SIDE; k++)
        for (int i = k + 1; i < SIDE; i++)
            for (int j = 0; j < SIDE; j++)
                b[i * SIDE + j] -= d[i * SIDE + k] * b[k * SIDE + j];
}

static void divide(const double *d, double *b)
{
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++) {
            b[i * SIDE + k] /= d[k * SIDE + k];
            for (int j = k + 1; j < SIDE; j++)
                b[i * SIDE + j] -= b[i * SIDE + k] * d[k * SIDE + j];
        }
}

static void modify(const double *row, const double *column, double *inner)
{
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < SIDE; k++)
            for (int j = 0; j < SIDE; j++)
                inner[i * SIDE + j] -= column[i * SIDE + k] * row[k * SIDE + j];
}

static void fill_matrix(void)
{
    for (int i = 0; i < BLOCKS; i++)
        for (int j = 0; j < BLOCKS; j++) {
            int empty = i != j && (i + 2 * j) % 3 == 1;
            matrix[i][j] = empty ? NULL : malloc(SIDE * SIDE * sizeof(double));
            for (int k = 0; !empty && k < SIDE * SIDE; k++)
                matrix[i][j][k] = (k * 7 + i * 3 + j) % 11 - 5 + (i == j && k % (SIDE + 1) == 0 ? 4000 : 0);
        }
}

static void sparse_lu(void)
{
    for (int k = 0; k < BLOCKS; k++) {
        lu0(matrix[k][k]);
        for (int j = k + 1; j < BLOCKS; j++) {
            if (matrix[k][j])
#pragma omp task firstprivate(k, j)
                forward(matrix[k][k], matrix[k][j]);
            if (matrix[j][k])
#pragma omp task firstprivate(k, j)
                divide(matrix[k][k], matrix[j][k]);
        }
#pragma omp taskwait
        for (int i = k + 1; i < BLOCKS; i++)
            for (int j = k + 1; matrix[i][k] && j < BLOCKS; j++) {
                if (!matrix[k][j])
                    continue;
#pragma omp task firstprivate(k, i, j)
                {
                    if (!matrix[i][j])
                        matrix[i][j] = calloc(SIDE * SIDE, sizeof(double));
                    modify(matrix[k][j], matrix[i][k], matrix[i][j]);
                }
            }
#pragma omp taskwait
    }
}

static void check_matrix(void)
{
    double sum = 0;
    for (int i = 0; i < BLOCKS; i++)
        for (int j = 0; j < BLOCKS; j++) {
            for (int k = 0; matrix[i][j] && k < SIDE * SIDE; k++)
                sum += matrix[i][j][k];
            free(matrix[i][j]);
        }
    if (!(sum > 0 || sum < 0))
        fail("sparse-lu");
}

static void flat(void)
{
    for (int k = 0; k < 60; k++)
#pragma omp task
        compute(5);
#pragma omp taskwait
}

static void branch(int depth)
{
    if (depth == 0) {
        compute(2);
        return;
    }
#pragma omp task
    branch(depth - 1);
#pragma omp task
    branch(depth - 1);
#pragma omp taskwait
}

static void tree(void)
{
    branch(7);
}

/* The same without computing, for a machine that has other things to do. */
static void nap(int milliseconds)
{
    struct timespec time = {0, milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

static void naps(void)
{
    for (int k = 0; k < 60; k++)
#pragma omp task
        nap(5);
#pragma omp taskwait
}

static void doze(int depth)
{
    if (depth == 0) {
        nap(2);
        return;
    }
#pragma omp task
    doze(depth - 1);
#pragma omp task
    doze(depth - 1);
#pragma omp taskwait
}

static void nap_tree(void)
{
    doze(7);
}

static void nothing(void)
{
}

static const struct {
    const char *name;
    void (*prepare)(void), (*run)(void), (*check)(void);
} shapes[] = {
    {"fib", nothing, fib, check_fib},
    {"tiny", nothing, tiny, check_tiny},
    {"tiny-atomic", nothing, tiny_atomic, check_tiny_atomic},
    {"queens-fine", nothing, queens_fine, check_queens},
    {"queens", nothing, queens, check_queens},
    {"sort", fill_keys, sort, check_sort},
    {"sparse-lu", fill_matrix, sparse_lu, check_matrix},
    {"flat", nothing, flat, nothing},
    {"tree", nothing, tree, nothing},
    {"naps", nothing, naps, nothing},
    {"nap-tree", nothing, nap_tree, nothing},
};

int main(int argc, char **argv)
{
    for (unsigned k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        int wanted = argc == 1;
        for (int a = 1; a < argc; a++)
            wanted |= strcmp(argv[a], shapes[k].name) == 0;
        if (!wanted)
            continue;
        shapes[k].prepare();
        double begin = omp_get_wtime();
#pragma omp parallel
#pragma omp single
        shapes[k].run();
        double end = omp_get_wtime();
        shapes[k].check();
        printf("%s %.0f\n", shapes[k].name, (end - begin) * 1e6);
    }
    return 0;
}
