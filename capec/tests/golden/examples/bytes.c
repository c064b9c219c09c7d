#include <cape.h>
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

static const struct cape_site cape_site_1 = {"parallel for", "examples/bytes.c", 44};
static const struct cape_site cape_site_2 = {"parallel", "examples/bytes.c", 52};
static const struct cape_site cape_site_3 = {"barrier", "examples/bytes.c", 57};
static const struct cape_site cape_site_4 = {"barrier", "examples/bytes.c", 60};
static const struct cape_site cape_site_5 = {"parallel for", "examples/bytes.c", 64};

static void cape_region_1_main(void **cape_env)
{
    long bytes = *(__typeof__(bytes) *)cape_env[0];
    unsigned char *byte = *(__typeof__(byte) *)cape_env[1];
    int round = *(__typeof__(round) *)cape_env[2];
    {
        long cape_first = 0;
        long cape_bound = bytes;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            long i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 1);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                long cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                    byte[i] = expected(i, round);
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static void cape_region_2_main(void **cape_env)
{
    long bytes = *(__typeof__(bytes) *)cape_env[0];
    long *cape_orig_wrong = cape_env[1];
    int *cape_orig_rounds = cape_env[2];
    unsigned char *byte = *(__typeof__(byte) *)cape_env[3];
    int rounds = *cape_orig_rounds;
    long wrong = CAPE_IDENTITY(sum, wrong);
    for (int round = 0; round < rounds; round++) {
        int me = omp_get_thread_num(), threads = omp_get_num_threads();
        for (long i = (me + round) % threads; i < bytes; i += threads)
            byte[i] = expected(i, round);
        cape_barrier(&cape_site_3);
        for (long i = 0; i < bytes; i++)
            wrong += byte[i] != expected(i, round);
        cape_barrier(&cape_site_4);
    }
    {
        __typeof__(wrong) cape_value_wrong = wrong;
        cape_reduce(&cape_site_2, (void *)cape_orig_wrong, &cape_value_wrong, sizeof wrong, 1, CAPE_COMBINER(sum, wrong));
    }
}

static void cape_region_3_main(void **cape_env)
{
    (void)cape_env;
    {
        int cape_first_1 = 0;
        int cape_bound_1 = 100;
        const unsigned long long cape_count_1 = cape_first_1 < cape_bound_1 ? ((unsigned long long)cape_bound_1 - (unsigned long long)cape_first_1) : 0;
        int cape_first_2 = 0;
        int cape_bound_2 = 4;
        const unsigned long long cape_count_2 = cape_first_2 < cape_bound_2 ? ((unsigned long long)cape_bound_2 - (unsigned long long)cape_first_2) : 0;
        const unsigned long long cape_count = cape_count_1 * cape_count_2;
        struct cape_loop cape_chunk;
        {
            int r;
            int field;
            cape_loop_begin(&cape_chunk, &cape_site_5, cape_count, CAPE_STATIC, 1);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_point = cape_chunk.first;
                while (cape_point < cape_chunk.end) {
                    unsigned long long cape_rest = cape_point, cape_index, cape_run = cape_count_2 - cape_point % cape_count_2;
                    cape_index = cape_rest % cape_count_2;
                    field = cape_first_2 + cape_index;
                    cape_rest /= cape_count_2;
                    cape_index = cape_rest;
                    r = cape_first_1 + cape_index;
                    if (cape_run > cape_chunk.end - cape_point)
                        cape_run = cape_chunk.end - cape_point;
                    cape_point += cape_run;
                    int cape_end = field + cape_run;
                    for (; field < cape_end; ++field)
                    {
                        if (field == 0)
                            record[r].tag = (char)('a' + r % 26);
                        else if (field == 1)
                            record[r].half = (short)(-r);
                        else if (field == 2)
                            record[r].pad[r % 3] = (char)r;
                        else
                            record[r].word = r * r;
                    }
                }
            }
            cape_loop_end(&cape_chunk);
        }
    }
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
        {
            void *cape_env[] = {(void *)&bytes, (void *)&byte, (void *)&round};
            cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 3, 0, 1, -1);
        }
        for (long i = 0; i < bytes; i++)
            wrong += byte[i] != expected(i, round);
    }

    /* The same inside one region, where every thread checks the bytes of the others after a barrier. */
    {
        void *cape_env[] = {(void *)&bytes, (void *)&wrong, (void *)&rounds, (void *)&byte};
        cape_parallel(&cape_site_2, cape_region_2_main, cape_env, 4, 0, 1, -1);
    }
    {
        cape_parallel(&cape_site_5, cape_region_3_main, (void **)0, 0, 0, 1, -1);
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
