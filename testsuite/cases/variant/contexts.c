/* Calls of a base function become calls of the variant that fits the constructs around them, the host and constants best. */
#include <stdio.h>

enum { WANTED = 1, UNWANTED = 0 };

static int in_parallel(int x)
{
    return x + 100;
}
static int in_loop(int x)
{
    return x + 200;
}
static int on_gpu(int x)
{
    return x + 300;
}
#pragma omp declare variant(in_parallel) match(construct = {parallel})
#pragma omp declare variant(in_loop) match(construct = {parallel, for})
#pragma omp declare variant(on_gpu) match(device = {kind(gpu)})
static int where(int x)
{
    return x;
}

static int chosen(void)
{
    return 1;
}
static int other(void)
{
    return 2;
}
#pragma omp declare variant(chosen) match(user = {condition(WANTED)})
static int constant(void);
#pragma omp declare variant(other) match(user = {condition(UNWANTED)}, implementation = {vendor(gnu)})
static int not_chosen(void)
{
    return 3;
}
static int constant(void)
{
    return 4;
}

struct table {
    int (*where)(int);
};

int main(void)
{
    int a[10], each = 0;
    struct table table = {where};
#pragma omp parallel num_threads(1)
    each = where(1);
#pragma omp parallel for
    for (int i = 0; i < 10; i++)
        a[i] = where(i);
    printf("%d %d %d\n", where(1), each, a[7]);
    printf("%d %d %d\n", constant(), not_chosen(), table.where(5));
    return 0;
}
