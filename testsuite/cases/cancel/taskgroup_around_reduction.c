//# env: OMP_CANCELLATION=true
/* cancel taskgroup in a task of a loop with reduction(task): the taskgroup that the program wrote around the loop is cancelled, not the
 * hidden one of the reduction alone. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int sum = 0, late = 0;
#pragma omp parallel num_threads(4)
#pragma omp taskgroup
    {
        int iterations = 0;
#pragma omp for reduction(task, + : sum) schedule(static, 1)
        for (int i = 0; i < 64; i++) {
            sum++;
            iterations++;
#pragma omp task in_reduction(+ : sum)
            {
                sum += 0;
#pragma omp cancel taskgroup
                abort();
            }
        }
#pragma omp task firstprivate(iterations)
        if (iterations) {
#pragma omp atomic
            late++;
        }
    }
    printf("%d %d\n", sum, late);
    return 0;
}
