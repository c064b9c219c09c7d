/* Tens of thousands of small allocations and frees in all threads, interleaved with regions. */
#include <stdio.h>
#include <stdlib.h>

#define N 4000

struct item { int key; char pad[20]; struct item *next; };

static struct item *lists[16];

int main(void)
{
    long sum = 0;
    for (int round = 0; round < 3; ++round) {
#pragma omp parallel for schedule(static, 1)
        for (int l = 0; l < 16; ++l)
            for (int i = 0; i < N / 4; ++i) {
                struct item *n = malloc(sizeof *n);
                n->key = l * i + round;
                n->next = lists[l];
                lists[l] = n;
            }
#pragma omp parallel for schedule(dynamic) reduction(+ : sum)
        for (int l = 0; l < 16; ++l) {
            struct item **at = &lists[l];
            while (*at) {
                struct item *n = *at;
                if (n->key % 3 == 0) {
                    *at = n->next;
                    free(n);
                } else {
                    sum += n->key;
                    at = &n->next;
                }
            }
        }
    }
    printf("%ld\n", sum);
    return 0;
}
