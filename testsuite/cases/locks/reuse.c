/* Locks are destroyed and made again at the same addresses, in serial code and in regions; blocks of locks are freed and the memory is
 * used for others; a large array of locks is used by its owner and, here and there, by the others. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 40000, STEP = 997 };

static omp_lock_t many[MANY];
static int counts[MANY];

int main(void)
{
    int wrong = 0, shared = 0;
    omp_lock_t lock;
    for (int round = 0; round < 20; ++round) {
        int before = shared, team = 0;
        omp_init_lock(&lock);
        omp_set_lock(&lock);
        omp_unset_lock(&lock);
#pragma omp parallel num_threads(4)
        {
#pragma omp single
            team = omp_get_num_threads();
            omp_set_lock(&lock);
            shared += 1;
            omp_unset_lock(&lock);
        }
        wrong += shared != before + team;
        omp_destroy_lock(&lock);
    }
#pragma omp parallel num_threads(4) reduction(+ : wrong)
    {
        for (int round = 0; round < 20; ++round) {
            int n = 10 + round;
            omp_lock_t *own = malloc(n * sizeof *own);
            for (int k = 0; k < n; ++k)
                omp_init_lock(&own[k]);
            for (int k = 0; k < n; ++k)
                wrong += !omp_test_lock(&own[k]);
            for (int k = 0; k < n; ++k)
                omp_unset_lock(&own[k]);
            for (int k = 0; k < n; ++k)
                omp_destroy_lock(&own[k]);
            free(own);
        }
    }
    for (int k = 0; k < MANY; ++k)
        omp_init_lock(&many[k]);
#pragma omp parallel num_threads(4)
    {
#pragma omp for
        for (int k = 0; k < MANY; ++k)
            for (int again = 0; again < 3; ++again) {
                omp_set_lock(&many[k]);
                counts[k] += 1;
                omp_unset_lock(&many[k]);
            }
        for (int k = 0; k < MANY; k += STEP) {
            omp_set_lock(&many[k]);
            counts[k] += 10;
            omp_unset_lock(&many[k]);
        }
    }
    int threads = 0;
#pragma omp parallel num_threads(4) reduction(+ : threads)
    threads += 1;
    for (int k = 0; k < MANY; ++k)
        wrong += counts[k] != 3 + (k % STEP ? 0 : 10 * threads);
    for (int k = 0; k < MANY; ++k)
        omp_destroy_lock(&many[k]);
    printf("wrong %d\n", wrong);
    return 0;
}
