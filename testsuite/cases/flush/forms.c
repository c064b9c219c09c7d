/* flush: with a list, with each memory order, as a hand-over between two threads. */
//# skip-oracle
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int data = 0, flag = 0, seen = 0, alone = 0;
#pragma omp parallel num_threads(2) shared(data, flag)
    {
#pragma omp single
        alone = omp_get_num_threads() == 1;
        if (omp_get_thread_num() == 0) {
            data = 42;
#pragma omp flush(data)
#pragma omp flush release
#pragma omp atomic write
            flag = 1;
#pragma omp flush
        } else {
            int now = 0;
            while (!now) {
#pragma omp flush acquire
#pragma omp atomic read
                now = flag;
            }
#pragma omp flush(flag, data)
            seen = data;
        }
#pragma omp flush acq_rel
#pragma omp flush seq_cst
    }
    printf("%d\n", seen);
    return !(seen == 42 || alone);
}
