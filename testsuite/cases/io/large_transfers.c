/* Transfers of megabytes by all threads: appended records stay whole, and what is read is what was written. */
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD = 3 << 19, LARGE = 17 << 20, ROUNDS = 2 };

int main(void)
{
    int log = open("log.bin", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int large = open("large.bin", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int team = 1, short_transfers = 0, mixed = 0, wrong = 0;
#pragma omp parallel reduction(+ : short_transfers)
    {
        char *record = malloc(RECORD);
#pragma omp single
        team = omp_get_num_threads();
        memset(record, 'a' + omp_get_thread_num(), RECORD);
        for (int round = 0; round < ROUNDS; ++round)
            short_transfers += write(log, record, RECORD) != RECORD;
        free(record);
        if (omp_get_thread_num() == omp_get_num_threads() - 1) {
            int *numbers = malloc(LARGE);
            for (int k = 0; k < (int)(LARGE / sizeof *numbers); ++k)
                numbers[k] = k;
            short_transfers += write(large, numbers, LARGE) != LARGE;
            memset(numbers, 0, LARGE);
            short_transfers += pread(large, numbers, LARGE, 0) != LARGE;
            for (int k = 0; k < (int)(LARGE / sizeof *numbers); ++k)
                short_transfers += numbers[k] != k;
            free(numbers);
        }
    }
    char *record = malloc(RECORD);
    int seen[256] = {0};
    for (int k = 0; k < ROUNDS * team; ++k) {
        if (pread(log, record, RECORD, (off_t)k * RECORD) != RECORD) wrong++;
        for (int i = 1; i < RECORD; ++i)
            mixed += record[i] != record[0];
        seen[(unsigned char)record[0]]++;
    }
    for (int k = 0; k < team; ++k)
        wrong += seen['a' + k] != ROUNDS;
    printf("%d %d %d %d\n", short_transfers, mixed, wrong, lseek(log, 0, SEEK_END) == (off_t)ROUNDS * team * RECORD);
    free(record);
    close(log);
    close(large);
    return remove("log.bin") | remove("large.bin");
}
