/* cancel sections */
//# env: OMP_CANCELLATION=true
#include <stdio.h>

int main(void)
{
    int wrong = 0, later = 0;
#pragma omp parallel
    {
#pragma omp sections
        {
#pragma omp section
            {
#pragma omp cancel sections
#pragma omp atomic
                ++wrong;
            }
#pragma omp section
            {
#pragma omp cancellation point sections
            }
        }
#pragma omp sections
        {
#pragma omp section
            later += 1;
        }
    }
    printf("%d %d\n", wrong, later);
    return 0;
}
