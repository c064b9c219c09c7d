/* Tasks change a local of the thread that made them under a critical and under a lock, wherever they run. */
#include <omp.h>
#include <stdio.h>

static double work(int n)
{
    volatile double x = 0;
    for (int k = 0; k < n; ++k)
        x += 1.0 / (k + 1);
    return x;
}

int main(void)
{
    int wrong = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
    for (int round = 0; round < 10; ++round) {
#pragma omp parallel num_threads(4)
#pragma omp single
        {
            int count = 0, locked = 0;
            for (int k = 0; k < 100; ++k) {
#pragma omp task shared(count, locked)
                {
                    work(20000);
#pragma omp critical
                    count += 1;
                    omp_set_lock(&lock);
                    locked += 2;
                    omp_unset_lock(&lock);
                }
            }
#pragma omp taskwait
            if (count != 100 || locked != 200)
                wrong += 1;
        }
    }
    printf("wrong %d\n", wrong);
    return 0;
}
