#include <cape.h>
/* linked-list: a list built in serial code, walked and changed by all threads.
 *
 * No array and no index: every thread follows the same pointers, wherever malloc put the nodes, and changes its share of
 * them. Nodes with an odd key get a child, allocated by the thread that met them and linked into a second list, which is
 * common to all, in a critical section. Afterwards serial code walks, sorts and frees what the threads have built.
 *
 * Build and run:  capec -O3 linked-list.c -o linked-list && caperun -n 4 ./linked-list 1000
 * The argument is the number of nodes (default 1000).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
    long key, value;
    struct node *next;
    char label[24];
};

static struct node *added; /* head of the list of new nodes */
static int added_count;

static struct node *new_node(long key, struct node *next)
{
    struct node *node = malloc(sizeof *node);
    if (node == NULL) {
        fprintf(stderr, "linked-list: no memory for a node\n");
        exit(2);
    }
    node->key = key;
    node->value = 0;
    node->next = next;
    snprintf(node->label, sizeof node->label, "n%ld", key);
    return node;
}

/* Puts `list` in the order of the keys; insertion into a sorted list, by pointers to pointers. */
static struct node *sorted(struct node *list)
{
    struct node *result = NULL;
    while (list != NULL) {
        struct node *next = list->next, **place = &result;
        while (*place != NULL && (*place)->key < list->key)
            place = &(*place)->next;
        list->next = *place;
        *place = list;
        list = next;
    }
    return result;
}

/* Prints how many nodes there are, sums over them and the first few; then frees them. */
static void print_and_free(const char *name, struct node *list)
{
    long count = 0, keys = 0, values = 0;
    printf("%s:", name);
    while (list != NULL) {
        struct node *next = list->next;
        if (count++ < 5)
            printf(" %s=%ld", list->label, list->value);
        keys += list->key;
        values += list->value;
        free(list);
        list = next;
    }
    printf(" ... %ld nodes, keys %ld, values %ld\n", count, keys, values);
}

static const struct cape_site cape_site_1 = {"parallel", "examples/linked-list.c", 77};
CAPE_CRITICAL(cape_critical_list_of_new_nodes);
static const struct cape_site cape_site_2 = {"critical", "examples/linked-list.c", 90};
static const struct cape_site cape_site_3 = {"barrier", "examples/linked-list.c", 98};

static void cape_region_1_main(void **cape_env)
{
    struct node *list = *(__typeof__(list) *)cape_env[0];
    {
        int me = omp_get_thread_num(), threads = omp_get_num_threads();
        long position = 0;

        for (struct node *node = list; node != NULL; node = node->next, position++) {
            if (position % threads != me)
                continue;
            node->value = node->key * node->key;
            node->label[0] = 'N';
            if (node->key % 2 == 1) {
                struct node *child = new_node(10 * node->key, NULL);
                child->value = -node->key;
                {
                    cape_critical_enter(&cape_site_2, &cape_critical_list_of_new_nodes);
                    {
                        child->next = added;
                        added = child;
                        added_count++;
                    }
                    cape_critical_exit(&cape_site_2, &cape_critical_list_of_new_nodes);
                }
            }
        }
        cape_barrier(&cape_site_3);
        /* Now everybody sees all new nodes, those of the other threads too, in whatever order they came. */
        position = 0;
        for (struct node *node = added; node != NULL; node = node->next)
            if (position++ % threads == me)
                node->value *= 2;
    }
}

int main(int argc, char **argv)
{
    long nodes = argc > 1 ? atol(argv[1]) : 1000;
    struct node *list = NULL;

    for (long key = nodes; key > 0; key--)
        list = new_node(key, list);

    {
        void *cape_env[] = {(void *)&list};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 1, 0, 1, -1);
    }

    printf("%d nodes added\n", added_count);
    print_and_free("list", list);
    print_and_free("added", sorted(added));
    return 0;
}
