//# env: OMP_PLACES=threads
//# env: OMP_PROC_BIND=true
/* Places, partitions and affinity formats are consistent with one another in every thread. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    int wrong = 0, places = omp_get_num_places(), before = (int)omp_get_affinity_format(NULL, 0);
    char format[64], line[256], cut[6];
    wrong += before <= 0 || places < 1 || omp_get_proc_bind() == omp_proc_bind_false;
    omp_set_affinity_format("%L|%0.4n|%{num_threads}|%a|%5L|");
    wrong += omp_get_affinity_format(format, sizeof format) != strlen(format) || omp_get_affinity_format(cut, 6) != strlen(format);
    wrong += strncmp(format, cut, 5) != 0 || cut[5] != 0;
    wrong += omp_capture_affinity(line, sizeof line, NULL) != strlen(line) || strcmp(line, "0|0000|1|-1|0    |") != 0;
    printf("%s %s\n", format, line);
#pragma omp parallel reduction(+ : wrong)
    {
        char mine[256], expected[256];
        int place = omp_get_place_num(), count = omp_get_partition_num_places(), found = 0;
        int *numbers = calloc((size_t)count + 1, sizeof *numbers), *ids;
        omp_get_partition_place_nums(numbers);
        for (int i = 0; i < count; ++i)
            found += numbers[i] == place;
        wrong += found != 1 || place < 0 || place >= places;
        ids = calloc((size_t)omp_get_place_num_procs(place) + 1, sizeof *ids);
        omp_get_place_proc_ids(place, ids);
        wrong += omp_get_place_num_procs(place) != 1 || ids[0] < 0 || omp_get_place_num_procs(places) != 0;
        omp_capture_affinity(mine, sizeof mine, NULL);
        sprintf(expected, "%d|%04d|%d|%d|%-5d|", omp_get_level(), omp_get_thread_num(), omp_get_num_threads(), 0, omp_get_level());
        wrong += strcmp(mine, expected) != 0;
        omp_capture_affinity(mine, sizeof mine, "%A");
        sprintf(expected, "%d", ids[0]);
        wrong += strcmp(mine, expected) != 0;
        free(numbers);
        free(ids);
    }
    printf("%d\n", wrong);
    return 0;
}
