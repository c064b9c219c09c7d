/* omp_test_lock gets a lock that is free, whoever had it last; fails while a thread of another rank owns it; and nest locks likewise. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static int owned, refused, got, nested;
    int wrong = 0;
    omp_lock_t lock, turn;
    omp_nest_lock_t nest;
    omp_init_lock(&lock);
    omp_init_lock(&turn);
    omp_init_nest_lock(&nest);
#pragma omp parallel num_threads(2) reduction(+ : wrong)
    if (omp_get_num_threads() == 2) {
        if (omp_get_thread_num() == 0) {
            for (int k = 0; k < 10; ++k) {
                omp_set_lock(&lock);
                omp_unset_lock(&lock);
            }
            omp_set_lock(&lock);
            omp_set_nest_lock(&nest);
            nested = omp_test_nest_lock(&nest);
#pragma omp atomic write
            owned = 1;
            for (int seen = 0; !seen;) {
#pragma omp atomic read
                seen = refused;
            }
            omp_unset_lock(&lock);
            omp_unset_nest_lock(&nest);
            omp_unset_nest_lock(&nest);
#pragma omp atomic write
            owned = 2;
            for (int seen = 0; !seen;) {
#pragma omp atomic read
                seen = got;
            }
            wrong += omp_test_lock(&lock) != 1;
            omp_unset_lock(&lock);
        } else {
            int seen = 0;
            while (seen != 1) {
#pragma omp atomic read
                seen = owned;
            }
            wrong += omp_test_lock(&lock) != 0;
            wrong += omp_test_lock(&lock) != 0;
            wrong += omp_test_nest_lock(&nest) != 0;
#pragma omp atomic write
            refused = 1;
            while (seen != 2) {
#pragma omp atomic read
                seen = owned;
            }
            /* Free: the first try gets it. */
            wrong += omp_test_lock(&lock) != 1;
            wrong += omp_test_lock(&lock) != 0;
            omp_unset_lock(&lock);
            wrong += omp_test_nest_lock(&nest) != 1;
            wrong += omp_test_nest_lock(&nest) != 2 || nested != 2;
            omp_unset_nest_lock(&nest);
            omp_unset_nest_lock(&nest);
#pragma omp atomic write
            got = 1;
        }
    }
    printf("wrong %d\n", wrong);
    return 0;
}
