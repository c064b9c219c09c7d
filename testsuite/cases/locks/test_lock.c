/* omp_test_lock fails while another has the lock and succeeds eventually; also in serial code. */
#include <omp.h>
#include <sched.h>
#include <stdio.h>

int main(void)
{
    omp_lock_t lock;
    int counter = 0, team = omp_get_max_threads();
    omp_init_lock(&lock);
    int first = omp_test_lock(&lock), second = omp_test_lock(&lock);
    omp_unset_lock(&lock);
#pragma omp parallel
    for (int i = 0; i < 10; ++i) {
        while (!omp_test_lock(&lock))
            sched_yield();
        counter += 1;
        omp_unset_lock(&lock);
    }
    omp_destroy_lock(&lock);
    printf("%d %d %d\n", first != 0, second, counter == 10 * team);
    return 0;
}
