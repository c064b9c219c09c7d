/* A recursive sort whose tasks work on slices of the creator's local array. */
#include <stdio.h>
#include <string.h>

static void merge_sort(int *data, int *scratch, int count)
{
    if (count < 2)
        return;
    int half = count / 2;
#pragma omp task if (count > 64)
    merge_sort(data, scratch, half);
#pragma omp task if (count > 64)
    merge_sort(data + half, scratch + half, count - half);
#pragma omp taskwait
    int i = 0, j = half, k = 0;
    while (i < half && j < count)
        scratch[k++] = data[i] <= data[j] ? data[i++] : data[j++];
    while (i < half)
        scratch[k++] = data[i++];
    while (j < count)
        scratch[k++] = data[j++];
    memcpy(data, scratch, (size_t)count * sizeof *data);
}

int main(void)
{
    int data[1000], scratch[1000], wrong = 0;
    unsigned seed = 12345;
    for (int i = 0; i < 1000; ++i) {
        seed = seed * 1103515245u + 12345u;
        data[i] = (int)(seed >> 16) % 5000;
    }
#pragma omp parallel
#pragma omp single nowait
    merge_sort(data, scratch, 1000);
    for (int i = 1; i < 1000; ++i)
        wrong += data[i - 1] > data[i];
    printf("%d\n", wrong);
    return 0;
}
