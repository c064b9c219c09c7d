/* Every thread makes tasks, in several phases, with barriers between them; tasks allocate, and make tasks themselves. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
    int value;
    struct node *next;
};

static struct node *lists[64];
static int done[4][64];

int main(void)
{
    int wrong = 0, threads = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
#pragma omp single
        threads = team;
        for (int phase = 0; phase < 4; ++phase) {
            for (int k = me; k < 64; k += team) {
#pragma omp task firstprivate(k, phase)
                {
                    struct node *n = malloc(sizeof *n);
                    n->value = k + phase;
                    n->next = lists[k];
                    lists[k] = n;
#pragma omp task firstprivate(k)
                    done[phase][k] = k + 1;
                }
            }
#pragma omp barrier
            for (int k = 0; k < 64; ++k)
                wrong += lists[k]->value != k + phase || done[phase][k] != k + 1;
#pragma omp barrier
        }
    }
    for (int k = 0; k < 64; ++k) {
        int length = 0;
        for (struct node *n = lists[k]; n; n = n->next)
            wrong += n->value != k + 3 - length++;
        wrong += length != 4;
    }
    printf("%d %d\n", wrong, threads > 0);
    return 0;
}
