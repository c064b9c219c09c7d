/* A search tree: built by serial code, deepened by all threads, each below its own nodes, summed by all. */
#include <stdio.h>
#include <stdlib.h>

struct tree { int key; struct tree *left, *right; };

static struct tree *insert(struct tree *t, int key)
{
    if (!t) {
        t = malloc(sizeof *t);
        t->key = key;
        t->left = t->right = NULL;
    } else if (key < t->key) {
        t->left = insert(t->left, key);
    } else {
        t->right = insert(t->right, key);
    }
    return t;
}

static long weigh(const struct tree *t, int depth)
{
    return t ? (long)t->key * depth + weigh(t->left, depth + 1) + weigh(t->right, depth + 1) : 0;
}

static void drop(struct tree *t)
{
    if (t) {
        drop(t->left);
        drop(t->right);
        free(t);
    }
}

int main(void)
{
    struct tree *top[16] = {NULL};
    for (int i = 0; i < 16; ++i)
        top[i] = insert(NULL, 500);
    for (int round = 0; round < 5; ++round) {
#pragma omp parallel for schedule(dynamic)
        for (int i = 0; i < 16; ++i)
            for (int k = 0; k < 20; ++k)
                insert(top[i], (i * 131 + k * 71 + round * 17) % 1000);
    }
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 16; ++i)
        sum += weigh(top[15 - i], 1);
    for (int i = 0; i < 16; ++i)
        drop(top[i]);
    printf("%ld\n", sum);
    return 0;
}
