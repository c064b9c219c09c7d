/* untied, mergeable, priority, affinity, if, final together, in every order and with commas. */
#include <stdio.h>

int main(void)
{
    int done = 0, n = 3;
    int data[4] = {0};
#pragma omp parallel
#pragma omp single
    {
#pragma omp task untied
        {
#pragma omp atomic
            ++done;
#pragma omp taskyield
        }
#pragma omp task mergeable, untied priority(n * 2)
        {
#pragma omp atomic
            ++done;
        }
#pragma omp task affinity(data[0 : 4]) if (task : n > 1) final(n > 100)
        {
#pragma omp atomic
            ++done;
        }
#pragma omp task if (0)
        {
#pragma omp atomic
            ++done;
        }
#pragma omp task final(1)
        {
#pragma omp task
            {
#pragma omp atomic
                ++done;
            }
        }
    }
    printf("%d\n", done);
    return 0;
}
