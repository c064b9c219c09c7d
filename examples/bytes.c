/* bytes: neighbouring threads write neighbouring bytes of the same pages.
 *
 * On separate memories this is the hard case: every page is changed by every process, each knows only its own bytes, and
 * the copies must be merged byte by byte. Whoever merges words, cache lines or whole pages loses somebody's writes. Some
 * bytes return to an old value, some are written with the value they already have, structures mix the fields of several
 * owners.
 *
 * Build and run:  capec -O3 bytes.c -o bytes && caperun -n 4 ./bytes 10000 6
 * The arguments are the number of bytes (default 10000) and of rounds (default 6).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

struct record {
    char tag;
    short half;
    char pad[3];
    int word;
};

static struct record record[100];

static unsigned char expected(long i, int round)
{
    /* every third byte never changes after round 0, every fifth alternates between two values */
    if (i % 3 == 0)
        return (unsigned char)i;
    return (unsigned char)(i % 5 == 0 ? round % 2 : i * 7 + round * 13);
}

int main(int argc, char **argv)
{
    long bytes = argc > 1 ? atol(argv[1]) : 10000, wrong = 0;
    int rounds = argc > 2 ? atoi(argv[2]) : 6;
    unsigned char *byte = bytes > 0 ? calloc((size_t)bytes, 1) : NULL;
    if (byte == NULL || rounds < 1) {
        fprintf(stderr, "bytes: needs at least one byte and one round\n");
        return 2;
    }

    for (int round = 0; round < rounds; round++) {
        /* chunks of one byte: neighbours belong to different threads */
#pragma omp parallel for schedule(static, 1)
        for (long i = 0; i < bytes; i++)
            byte[i] = expected(i, round);
        for (long i = 0; i < bytes; i++)
            wrong += byte[i] != expected(i, round);
    }

    /* The same inside one region, where every thread checks the bytes of the others after a barrier. */
#pragma omp parallel firstprivate(rounds) reduction(+ : wrong)
    for (int round = 0; round < rounds; round++) {
        int me = omp_get_thread_num(), threads = omp_get_num_threads();
        for (long i = (me + round) % threads; i < bytes; i += threads)
            byte[i] = expected(i, round);
#pragma omp barrier
        for (long i = 0; i < bytes; i++)
            wrong += byte[i] != expected(i, round);
#pragma omp barrier
    }

    /* Fields of one structure, each written by another iteration. */
#pragma omp parallel for collapse(2) schedule(static, 1)
    for (int r = 0; r < 100; r++)
        for (int field = 0; field < 4; field++) {
            if (field == 0)
                record[r].tag = (char)('a' + r % 26);
            else if (field == 1)
                record[r].half = (short)(-r);
            else if (field == 2)
                record[r].pad[r % 3] = (char)r;
            else
                record[r].word = r * r;
        }

    unsigned sum = 0, fields = 0;
    for (long i = 0; i < bytes; i++)
        sum = sum * 31 + byte[i];
    for (int r = 0; r < 100; r++)
        fields = fields * 31 + (unsigned)(record[r].tag + record[r].half + record[r].pad[r % 3] + record[r].word);
    printf("%ld bytes, %d rounds: checksum %08x, fields %08x, %ld wrong\n", bytes, rounds, sum, fields, wrong);
    free(byte);
    return wrong != 0;
}
