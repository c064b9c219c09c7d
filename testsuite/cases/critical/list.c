/* A linked list built by all threads in a critical section from nodes that each allocated, walked by all others. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

struct node { int value; struct node *next; };

int main(void)
{
    struct node *head = NULL;
    int team = omp_get_max_threads(), wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num();
        for (int i = 0; i < 50; ++i) {
            struct node *n = malloc(sizeof *n);
            n->value = me * 50 + i;
#pragma omp critical(list)
            {
                n->next = head;
                head = n;
            }
        }
#pragma omp barrier
        long sum = 0, count = 0;
        for (struct node *n = head; n; n = n->next)
            sum += n->value, ++count;
        wrong += count != 50L * team || sum != (50L * team) * (50L * team - 1) / 2;
    }
    long freed = 0;
    while (head) {
        struct node *n = head;
        head = n->next;
        free(n);
        ++freed;
    }
    printf("%d %d\n", wrong, freed == 50L * team);
    return 0;
}
