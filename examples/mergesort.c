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

static long sort(int *key, int *spare, long count)
{
    long half = count / 2, in_left = 0, in_right;
    if (count <= RUN)
        return sort_run(key, count);
#pragma omp task shared(in_left) final(count <= TASK) if (count > TASK)
    in_left = sort(key, spare, half);
    in_right = sort(key + half, spare + half, count - half);
#pragma omp taskwait
    return in_left + in_right + merge(key, spare, half, count);
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
#pragma omp parallel
#pragma omp single
    inversions = sort(key, spare, count);
    fprintf(stderr, "mergesort: %.3f s\n", omp_get_wtime() - start);

#pragma omp parallel for reduction(+ : wrong) reduction(- : sum)
    for (long i = 0; i < count; i++) {
        wrong += i > 0 && key[i - 1] > key[i];
        sum -= key[i];
    }
    printf("%ld keys from %d to %d, %ld inversions\n", count, key[0], key[count - 1], inversions);
    printf("%ld out of order, sum off by %ld\n", wrong, sum);
    free(key);
    free(spare);
    return wrong != 0 || sum != 0;
}
