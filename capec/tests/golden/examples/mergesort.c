#include <cape.h>
/* mergesort: tasks that divide and conquer; idle ranks take the oldest, and so the largest, from the others.
 *
 * One thread starts the sort; each call gives its left half to a task, goes on with the right half itself, waits for the task
 * (`taskwait`) and merges. Below a cut-off (`if`, `final`, and a plain sort of short runs) no more tasks are made. The number of
 * inversions comes back through a shared local variable of each call.
 *
 * Build and run:  capec -O3 mergesort.c -o mergesort && caperun -n 4 ./mergesort 200000
 * The argument is the number of keys (default 200000).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 64, TASK = 8192 };

/* Sorts a short run by insertion; returns the number of pairs in the wrong order. */
static long sort_run(int *key, long count)
{
    long inversions = 0;
    for (long i = 1; i < count; i++) {
        int moving = key[i];
        long at = i;
        for (; at > 0 && key[at - 1] > moving; at--, inversions++)
            key[at] = key[at - 1];
        key[at] = moving;
    }
    return inversions;
}

/* Merges the sorted halves of `key`, with room in `spare`; returns the number of pairs in the wrong order between them. */
static long merge(int *key, int *spare, long half, long count)
{
    long left = 0, right = half, inversions = 0;
    for (long to = 0; to < count; to++) {
        if (right == count || (left < half && key[left] <= key[right])) {
            spare[to] = key[left++];
        } else {
            inversions += half - left;
            spare[to] = key[right++];
        }
    }
    memcpy(key, spare, (size_t)count * sizeof *key);
    return inversions;
}

static long sort(int *key, int *spare, long count);
static const struct cape_site cape_site_1 = {"task", "examples/mergesort.c", 52};
static const struct cape_site cape_site_2 = {"taskwait", "examples/mergesort.c", 55};

static void cape_task_1_sort(void **cape_env)
{
    int **cape_orig_key = cape_env[0];
    int **cape_orig_spare = cape_env[1];
    long *cape_orig_half = cape_env[2];
    long *in_left = cape_env[3];
    int *key = *cape_orig_key;
    int *spare = *cape_orig_spare;
    long half = *cape_orig_half;
    (*in_left) = sort(key, spare, half);
}

static long sort(int *key, int *spare, long count)
{
    long half = count / 2, in_left = 0, in_right;
    if (count <= RUN)
        return sort_run(key, count);
    {
        void *cape_env[] = {(void *)&key, (void *)&spare, (void *)&half, (void *)&in_left};
        static const cape_size cape_sizes[] = {sizeof key, sizeof spare, sizeof half, 0};
        const struct cape_task_clauses cape_clauses = {0 | ((count > TASK) ? 0 : CAPE_TASK_UNDEFERRED) | ((count <= TASK) ? CAPE_TASK_FINAL : 0), 0, 0, 0, 0};
        cape_task(&cape_site_1, cape_task_1_sort, cape_env, cape_sizes, 4, &cape_clauses);
    }
    in_right = sort(key + half, spare + half, count - half);
    cape_taskwait(&cape_site_2);
    return in_left + in_right + merge(key, spare, half, count);
}

static const struct cape_site cape_site_3 = {"parallel", "examples/mergesort.c", 77};
static const struct cape_site cape_site_4 = {"single", "examples/mergesort.c", 78};
static const struct cape_site cape_site_5 = {"parallel for", "examples/mergesort.c", 82};

static void cape_region_2_main(void **cape_env)
{
    long count = *(__typeof__(count) *)cape_env[0];
    long *inversions = cape_env[1];
    int *key = *(__typeof__(key) *)cape_env[2];
    int *spare = *(__typeof__(spare) *)cape_env[3];
    {
        if (cape_single(&cape_site_4)) {
            (*inversions) = sort(key, spare, count);
        }
    }
}

static void cape_region_3_main(void **cape_env)
{
    long count = *(__typeof__(count) *)cape_env[0];
    long *sum = cape_env[1];
    long *wrong = cape_env[2];
    int *key = *(__typeof__(key) *)cape_env[3];
    {
        __typeof__((*wrong)) *const cape_orig_wrong = &(*wrong);
        __typeof__((*sum)) *const cape_orig_sum = &(*sum);
        long cape_first = 0;
        long cape_bound = count;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            long wrong = CAPE_IDENTITY(sum, wrong);
            long sum = CAPE_IDENTITY(sum, sum);
            long i;
            cape_loop_begin(&cape_chunk, &cape_site_5, cape_count, CAPE_STATIC, 0);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                long cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    wrong += i > 0 && key[i - 1] > key[i];
                    sum -= key[i];
                }
            }
            {
                __typeof__(wrong) cape_value_wrong = wrong;
                cape_reduce(&cape_site_5, (void *)cape_orig_wrong, &cape_value_wrong, sizeof wrong, 1, CAPE_COMBINER(sum, wrong));
            }
            {
                __typeof__(sum) cape_value_sum = sum;
                cape_reduce(&cape_site_5, (void *)cape_orig_sum, &cape_value_sum, sizeof sum, 1, CAPE_COMBINER(sum, sum));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 200000, inversions = 0, sum = 0, wrong = 0;
    if (count < 1) {
        fprintf(stderr, "mergesort: the number of keys must be positive\n");
        return 2;
    }
    int *key = malloc((size_t)count * sizeof *key), *spare = malloc((size_t)count * sizeof *spare);
    if (key == NULL || spare == NULL)
        return 2;
    unsigned state = 12345;
    for (long i = 0; i < count; i++) {
        state = state * 1103515245u + 12345u;
        key[i] = (int)(state >> 8);
        sum += key[i];
    }

    double start = omp_get_wtime();
    {
        void *cape_env[] = {(void *)&count, (void *)&inversions, (void *)&key, (void *)&spare};
        cape_parallel(&cape_site_3, cape_region_2_main, cape_env, 4, 0, 1, -1);
    }
    fprintf(stderr, "mergesort: %.3f s\n", omp_get_wtime() - start);

    {
        void *cape_env[] = {(void *)&count, (void *)&sum, (void *)&wrong, (void *)&key};
        cape_parallel(&cape_site_5, cape_region_3_main, cape_env, 4, 0, 1, -1);
    }
    printf("%ld keys from %d to %d, %ld inversions\n", count, key[0], key[count - 1], inversions);
    printf("%ld out of order, sum off by %ld\n", wrong, sum);
    free(key);
    free(spare);
    return wrong != 0 || sum != 0;
}
