/* Tasks made in loops: each has the values of its moment; pointers that walk along a list. */
#include <stdio.h>
#include <stdlib.h>

struct node {
    int value, result;
    struct node *next;
};

int main(void)
{
    struct node *head = NULL;
    int squares[50] = {0}, sum = 0;
    for (int i = 0; i < 40; ++i) {
        struct node *node = malloc(sizeof *node);
        node->value = i;
        node->result = 0;
        node->next = head;
        head = node;
    }
#pragma omp parallel
#pragma omp single
    {
        for (struct node *p = head; p; p = p->next) {
#pragma omp task
            p->result = p->value * 3;
        }
        int i = 0;
        while (i < 50) {
#pragma omp task shared(squares)
            squares[i] = i * i;
            ++i;
        }
    }
    for (struct node *p = head; p; p = p->next)
        sum += p->result;
    for (int i = 0; i < 50; ++i)
        sum += squares[i];
    printf("%d\n", sum);
    return 0;
}
