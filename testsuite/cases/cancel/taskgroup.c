/* cancel taskgroup: the task that cancels ends there; tasks outside of the group run. */
//# env: OMP_CANCELLATION=true
#include <stdio.h>

int main(void)
{
    int wrong = 0, outside = 0, found = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp task shared(outside)
        outside = 1;
#pragma omp taskgroup
        {
            for (int i = 0; i < 50; ++i) {
#pragma omp task shared(wrong, found)
                {
                    if (i == 5) {
#pragma omp atomic write
                        found = 1;
#pragma omp cancel taskgroup
#pragma omp atomic
                        ++wrong;
                    }
#pragma omp cancellation point taskgroup
                }
            }
        }
    }
    printf("%d %d %d\n", wrong, outside, found >= 0);
    return 0;
}
