/* single: once per execution, by any thread, with a barrier behind it; with nowait without. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int count = 0, ready = 0, wrong = 0, quick = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        for (int i = 0; i < 25; ++i) {
#pragma omp single
            {
                ++count;
                ready = i + 1;
            }
            if (ready != i + 1)
                ++wrong;
#pragma omp barrier
        }
#pragma omp single nowait
        quick += 1;
#pragma omp barrier
        if (quick != 1)
            ++wrong;
    }
    printf("%d %d %d\n", count, ready, wrong);
    return 0;
}
