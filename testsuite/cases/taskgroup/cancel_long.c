/* A cancelled taskgroup whose tasks are long enough to run elsewhere ends; what has begun is complete then, and others may be dropped. */
//# env: OMP_CANCELLATION=true
#include <stdio.h>

int main(void)
{
    static int done[60], begun[60];
    int torn = 0, after = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskgroup
        {
            for (int i = 0; i < 60; ++i) {
#pragma omp task firstprivate(i)
                {
                    volatile double x = 1;
                    begun[i] = 1;
                    for (int k = 0; k < 200000; ++k)
                        x = x * 0.999 + 1;
                    done[i] = 1;
                    if (i == 30) {
#pragma omp cancel taskgroup
                    }
                }
            }
        }
        for (int i = 0; i < 60; ++i)
            torn += begun[i] != done[i];
#pragma omp task shared(after)
        after = 1;
    }
    printf("%d %d\n", torn, after);
    return 0;
}
