/* User-defined reductions of arrays, array sections and through pointers. */
#include <stdio.h>
#include <stdlib.h>
typedef struct { long sum; long squares; } pair;
#pragma omp declare reduction(pairs : pair : omp_out.sum += omp_in.sum, omp_out.squares += omp_in.squares) initializer(omp_priv = (pair){0, 0})
int main(void)
{
    pair all[4] = {{1, 1}}, *heap = calloc(10, sizeof *heap);
    int n = 6;
#pragma omp parallel for reduction(pairs : all) reduction(pairs : heap[2 : n])
    for (int i = 0; i < 60; i++) {
        all[i % 4].sum += i;
        all[i % 4].squares += i * i;
        heap[2 + i % n].sum += i;
        heap[2 + i % n].squares += 1;
    }
    for (int i = 0; i < 4; i++)
        printf("%ld %ld\n", all[i].sum, all[i].squares);
    for (int i = 0; i < 10; i++)
        printf("%ld %ld\n", heap[i].sum, heap[i].squares);
    free(heap);
    return 0;
}
