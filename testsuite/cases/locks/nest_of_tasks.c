/* Nest locks belong to tasks: neither a nested region of the same thread nor an undeferred task is the owner. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_nest_lock_t lock;
    int first[2], inner = -1, outer = -1, wrong = 0;
    omp_init_nest_lock(&lock);
    first[0] = omp_test_nest_lock(&lock);
    first[1] = omp_test_nest_lock(&lock);
#pragma omp parallel if (0)
    {
        inner = omp_test_nest_lock(&lock);
#pragma omp task if (0) shared(lock, inner)
        inner += omp_test_nest_lock(&lock);
    }
#pragma omp parallel reduction(+ : wrong)
    wrong += omp_test_nest_lock(&lock) != 0;
    outer = omp_test_nest_lock(&lock);
    for (int i = 0; i < 3; ++i)
        omp_unset_nest_lock(&lock);
    printf("%d %d %d %d %d\n", first[0], first[1], inner, outer, wrong);

#pragma omp parallel reduction(+ : wrong)
#pragma omp critical
    {
        wrong += omp_test_nest_lock(&lock) != 1;
        wrong += omp_test_nest_lock(&lock) != 2;
        int seen = -1;
#pragma omp task if (0) shared(lock, seen)
        seen = omp_test_nest_lock(&lock);
        wrong += seen != 0;
        omp_unset_nest_lock(&lock);
        omp_unset_nest_lock(&lock);
    }
    printf("%d\n", wrong);
    omp_destroy_nest_lock(&lock);
    return 0;
}
