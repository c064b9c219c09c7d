/* omp_nest_lock_t: the owner may set it again. */
#include <omp.h>
#include <stdio.h>

static omp_nest_lock_t lock;
static long sum;

static void add(int depth)
{
    omp_set_nest_lock(&lock);
    sum += depth;
    if (depth > 0)
        add(depth - 1);
    omp_unset_nest_lock(&lock);
}

int main(void)
{
    int team = omp_get_max_threads();
    omp_init_nest_lock(&lock);
#pragma omp parallel
    for (int i = 0; i < 8; ++i)
        add(4);
    int depth = omp_test_nest_lock(&lock);
    depth = depth * 10 + omp_test_nest_lock(&lock);
    omp_unset_nest_lock(&lock);
    omp_unset_nest_lock(&lock);
    omp_destroy_nest_lock(&lock);
    printf("%d %d\n", sum == 80L * team, depth);
    return 0;
}
