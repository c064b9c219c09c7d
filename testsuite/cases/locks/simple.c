/* omp_lock_t protects a counter and what is reached through it; locks in arrays and structs. */
#include <omp.h>
#include <stdio.h>

struct account { omp_lock_t lock; long balance; int operations; };

static struct account accounts[5];

int main(void)
{
    for (int i = 0; i < 5; ++i)
        omp_init_lock(&accounts[i].lock);
    int team = omp_get_max_threads();
#pragma omp parallel
    for (int i = 0; i < 60; ++i) {
        struct account *a = &accounts[i % 5];
        omp_set_lock(&a->lock);
        a->balance += i;
        a->operations++;
        omp_unset_lock(&a->lock);
    }
    long wrong = 0;
    for (int i = 0; i < 5; ++i) {
        long expected = 0;
        for (int k = i; k < 60; k += 5)
            expected += k;
        wrong += accounts[i].balance != expected * team || accounts[i].operations != 12 * team;
        omp_destroy_lock(&accounts[i].lock);
    }
    printf("%ld\n", wrong);
    return 0;
}
