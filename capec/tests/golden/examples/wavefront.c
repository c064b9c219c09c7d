#include <cape.h>
/* wavefront: the longest common subsequence of two texts, row by row in a pipeline (`ordered(2)`, a doacross loop).
 *
 * Each cell of the table needs its upper, left and upper left neighbours. The blocks of the table are the iterations of a loop
 * nest over rows and columns of blocks, shared out by rows: a block waits for the block above and for the one to the left
 * (`depend(sink : ...)`) and lets those that need it go on (`depend(source)`), so that the rows follow each other as a wave. What
 * a block's neighbours wrote is seen when the wait for them ends.
 *
 * Build and run:  capec -O3 wavefront.c -o wavefront && caperun -n 4 ./wavefront 2000
 * The argument is the length of the texts (default 2000).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

/* The table has a row and a column of zeros before the texts' first letters. */
static void fill_block(int *table, long width, const char *a, const char *b, long row, long column, long rows, long columns)
{
    for (long i = row + 1; i <= row + rows; i++)
        for (long j = column + 1; j <= column + columns; j++) {
            int up = table[(i - 1) * width + j], left = table[i * width + j - 1];
            int best = up > left ? up : left;
            table[i * width + j] = a[i - 1] == b[j - 1] ? table[(i - 1) * width + j - 1] + 1 : best;
        }
}

static void write_text(char *text, long length, unsigned state)
{
    for (long i = 0; i < length; i++) {
        state = state * 1103515245u + 12345u;
        text[i] = "ACGT"[state >> 16 & 3];
    }
    text[length] = '\0';
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/wavefront.c", 51};

static void cape_region_1_main(void **cape_env)
{
    long length = *(__typeof__(length) *)cape_env[0];
    long width = *(__typeof__(width) *)cape_env[1];
    long block = *(__typeof__(block) *)cape_env[2];
    long blocks = *(__typeof__(blocks) *)cape_env[3];
    char *a = *(__typeof__(a) *)cape_env[4];
    char *b = *(__typeof__(b) *)cape_env[5];
    int *table = *(__typeof__(table) *)cape_env[6];
    {
        long cape_first_1 = 0;
        long cape_bound_1 = blocks;
        const unsigned long long cape_count_1 = cape_first_1 < cape_bound_1 ? ((unsigned long long)cape_bound_1 - (unsigned long long)cape_first_1) : 0;
        long cape_first_2 = 0;
        long cape_bound_2 = blocks;
        const unsigned long long cape_count_2 = cape_first_2 < cape_bound_2 ? ((unsigned long long)cape_bound_2 - (unsigned long long)cape_first_2) : 0;
        const unsigned long long cape_count = cape_count_1;
        struct cape_loop cape_chunk;
        {
            long i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC | CAPE_MONOTONIC, 1);
            cape_doacross_begin(&cape_chunk, 2, (const long long[]){(long long)cape_count_1, (long long)cape_count_2});
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first_1 + cape_chunk.first;
                long cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                    for (long j = 0; j < blocks; j++) {
                    long row = i * block, column = j * block;
                    long rows = row + block < length ? block : length - row, columns = column + block < length ? block : length - column;
                    {
                        long long cape_vector[] = {(long long)(((unsigned long long)i - (unsigned long long)cape_first_1)) - (1), (long long)(((unsigned long long)j - (unsigned long long)cape_first_2))};
                        cape_doacross_wait(&cape_chunk, cape_vector);
                    }
                    {
                        long long cape_vector[] = {(long long)(((unsigned long long)i - (unsigned long long)cape_first_1)), (long long)(((unsigned long long)j - (unsigned long long)cape_first_2)) - (1)};
                        cape_doacross_wait(&cape_chunk, cape_vector);
                    }
                    fill_block(table, width, a, b, row, column, rows, columns);
                    {
                        long long cape_vector[] = {(long long)(((unsigned long long)i - (unsigned long long)cape_first_1)), (long long)(((unsigned long long)j - (unsigned long long)cape_first_2))};
                        cape_doacross_post(&cape_chunk, cape_vector);
                    }
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    long length = argc > 1 ? atol(argv[1]) : 2000, wrong = 0;
    if (length < 1) {
        fprintf(stderr, "wavefront: the length must be positive\n");
        return 2;
    }
    long width = length + 1, block = length / 8 + 1, blocks = (length + block - 1) / block;
    char *a = malloc((size_t)width), *b = malloc((size_t)width);
    int *table = calloc((size_t)(width * width), sizeof *table);
    if (a == NULL || b == NULL || table == NULL)
        return 2;
    write_text(a, length, 1);
    write_text(b, length, 2);

    double start = omp_get_wtime();
    {
        void *cape_env[] = {(void *)&length, (void *)&width, (void *)&block, (void *)&blocks, (void *)&a, (void *)&b, (void *)&table};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 7, 0, 1, -1);
    }
    fprintf(stderr, "wavefront: %.3f s\n", omp_get_wtime() - start);

    /* From the end back to the start: the letters that both texts have. */
    long common = 0, i = length, j = length;
    unsigned check = 0;
    while (i > 0 && j > 0) {
        int here = table[i * width + j];
        if (a[i - 1] == b[j - 1]) {
            wrong += table[(i - 1) * width + j - 1] != here - 1;
            check = check * 31 + (unsigned char)a[i - 1];
            common++, i--, j--;
        } else if (table[(i - 1) * width + j] == here) {
            i--;
        } else {
            wrong += table[i * width + j - 1] != here;
            j--;
        }
    }
    wrong += common != table[length * width + length];
    printf("texts of %ld letters have %ld in common (check %08x), %s\n", length, common, check, wrong ? "WRONG" : "all right");
    free(a);
    free(b);
    free(table);
    return wrong != 0;
}
