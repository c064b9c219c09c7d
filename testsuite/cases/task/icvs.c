/* A task has the settings of the task that made it, wherever it runs, and what it changes is its own. */
#include <omp.h>
#include <stdio.h>

static void grind(void)
{
    volatile double x = 1;
    for (int i = 0; i < 300000; ++i)
        x = x * 0.999 + 1;
}

int main(void)
{
    int wrong = 0, after = 0;
    omp_set_num_threads(4);
#pragma omp parallel
#pragma omp single
    {
        for (int i = 0; i < 24; ++i) {
            if (i >= 8)
                omp_set_num_threads(10 + i);
#pragma omp task firstprivate(i) shared(wrong)
            {
                int expected = i < 8 ? 4 : 10 + i;
                grind();
                if (omp_get_max_threads() != expected) {
#pragma omp atomic
                    ++wrong;
                }
                omp_set_num_threads(100 + i);
#pragma omp task firstprivate(i) shared(wrong)
                if (omp_get_max_threads() != 100 + i) {
#pragma omp atomic
                    ++wrong;
                }
#pragma omp taskwait
                if (omp_get_max_threads() != 100 + i) {
#pragma omp atomic
                    ++wrong;
                }
            }
        }
#pragma omp taskwait
        after = omp_get_max_threads();
    }
    printf("%d %d %d\n", wrong, after, omp_get_max_threads());
    return 0;
}
