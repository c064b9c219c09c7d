/* Tasks that make tasks and wait for them inside a critical construct and with a lock: whoever waits must not begin one that wants the same. */
#include <omp.h>
#include <stdio.h>

static void work(double seconds)
{
    double start = omp_get_wtime();
    while (omp_get_wtime() - start < seconds)
        ;
}

int main(void)
{
    enum { TASKS = 40, CHILDREN = 4 };
    static int inner[TASKS];
    int sum = 0, outer = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
#pragma omp parallel
#pragma omp single
    for (int i = 0; i < TASKS; ++i) {
#pragma omp task shared(sum, outer, lock) firstprivate(i)
        {
            work(0.0005);
            if (i % 2) {
#pragma omp critical
                {
                    for (int k = 0; k < CHILDREN; ++k) {
#pragma omp task shared(sum)
                        {
                            work(0.0002);
#pragma omp atomic
                            ++sum;
                        }
                    }
#pragma omp taskwait
                    ++outer;
                }
            } else {
                omp_set_lock(&lock);
                for (int k = 0; k < CHILDREN; ++k) {
#pragma omp task shared(inner) firstprivate(i)
                    {
                        work(0.0002);
#pragma omp atomic
                        ++inner[i];
                    }
                }
#pragma omp taskwait
                omp_unset_lock(&lock);
            }
        }
    }
    int wrong = 0;
    for (int i = 0; i < TASKS; i += 2)
        wrong += inner[i] != CHILDREN;
    omp_destroy_lock(&lock);
    printf("%d %d %d\n", sum, outer, wrong);
    return 0;
}
