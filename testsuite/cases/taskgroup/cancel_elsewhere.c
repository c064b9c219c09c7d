/* Tasks that end only when their taskgroup is cancelled see that another task has done so, wherever each of them runs. */
//# env: OMP_CANCELLATION=true
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int begun = 0, late = 0;
    for (int round = 0; round < 10; ++round) {
        begun = 0;
#pragma omp parallel
#pragma omp single
#pragma omp taskgroup
        for (int i = 0; i < 8; ++i) {
#pragma omp task shared(begun, late)
            {
                double start = omp_get_wtime();
                int first;
#pragma omp atomic capture
                first = begun++;
                while (first == 0 && omp_get_wtime() - start < 0.01)
                    ;
                if (first == 0) {
#pragma omp cancel taskgroup
                }
                while (omp_get_wtime() - start < 3) {
#pragma omp cancellation point taskgroup
                }
#pragma omp atomic
                ++late;
            }
        }
        if (late)
            break;
    }
    printf("%d tasks did not see it\n", late);
    return 0;
}
