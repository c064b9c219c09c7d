/* Shared scalars changed inside the region by several constructs and read behind barriers; others only read. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int n = 100, scale = 3, changed = 0, wrong = 0;
    int *alias = &scale;
    double ratio = 0.5;
#pragma omp parallel reduction(+ : wrong)
    {
        wrong += n != 100 || scale != 3;
#pragma omp barrier
#pragma omp single
        {
            *alias = 4;
            changed = n * 2;
            ratio *= 3;
        }
        wrong += scale != 4 || changed != 200 || ratio != 1.5;
    }
    printf("%d %d %d %g\n", wrong, scale, changed, ratio);
    return 0;
}
