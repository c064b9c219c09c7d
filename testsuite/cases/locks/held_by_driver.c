//# ranks: 1 2 4
/* A lock taken before the region by serial code and given back inside by the same thread. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_lock_t lock;
    int value = 0, seen = 0;
    omp_init_lock(&lock);
    omp_set_lock(&lock);
#pragma omp parallel reduction(+ : seen)
    {
        if (omp_get_thread_num() == 0) {
            value = 5;
            omp_unset_lock(&lock);
        } else {
            omp_set_lock(&lock);
            seen += value;
            omp_unset_lock(&lock);
        }
    }
    printf("%d %d\n", value, seen);
    return 0;
}
