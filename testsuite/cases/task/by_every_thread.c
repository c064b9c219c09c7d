/* Every thread makes tasks, in a loop, in sections, in master and in critical; all are done at the barrier. */
#include <stdio.h>

int main(void)
{
    int cells[64] = {0}, more[3] = {0}, count = 0, wrong = 0;
#pragma omp parallel
    {
#pragma omp for
        for (int i = 0; i < 64; ++i) {
#pragma omp task
            cells[i] = i + 1;
        }
#pragma omp sections
        {
#pragma omp section
#pragma omp task
            more[0] = 1;
#pragma omp section
            {
#pragma omp task
                more[1] = 2;
            }
        }
#pragma omp master
#pragma omp task
        more[2] = 3;
#pragma omp critical
        {
#pragma omp task
            {
#pragma omp atomic
                count++;
            }
        }
#pragma omp barrier
#pragma omp single
        for (int i = 0; i < 64; ++i)
            wrong += cells[i] != i + 1;
    }
    printf("%d %d%d%d %d\n", wrong, more[0], more[1], more[2], count > 0);
    return 0;
}
