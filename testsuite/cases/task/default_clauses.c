/* default on tasks: shared, none, firstprivate. */
#include <stdio.h>

int main(void)
{
    int sum = 0;
#pragma omp parallel
#pragma omp single
    {
        int a = 1, b = 2, c = 3;
#pragma omp task default(shared)
        {
            a = 10;
            sum += a;
        }
#pragma omp taskwait
#pragma omp task default(none) firstprivate(b) shared(sum)
        {
            b = 20;
            sum += b;
        }
#pragma omp taskwait
#pragma omp task default(firstprivate) shared(sum)
        {
            c = 30;
            sum += c;
        }
#pragma omp taskwait
        sum += a * 100 + b * 100 + c * 100;
    }
    printf("%d\n", sum);
    return 0;
}
