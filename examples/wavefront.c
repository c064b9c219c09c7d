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
#pragma omp parallel for ordered(2) schedule(static, 1)
    for (long i = 0; i < blocks; i++)
        for (long j = 0; j < blocks; j++) {
            long row = i * block, column = j * block;
            long rows = row + block < length ? block : length - row, columns = column + block < length ? block : length - column;
#pragma omp ordered depend(sink : i - 1, j) depend(sink : i, j - 1)
            fill_block(table, width, a, b, row, column, rows, columns);
#pragma omp ordered depend(source)
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
