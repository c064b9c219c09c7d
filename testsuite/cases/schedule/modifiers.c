/* The modifiers of schedule. */
#include <stdio.h>
int main(void)
{
    int a[100] = {0};
#pragma omp parallel
    {
#pragma omp for schedule(monotonic : static, 3)
        for (int i = 0; i < 100; i++)
            a[i]++;
#pragma omp for schedule(nonmonotonic : dynamic, 2)
        for (int i = 0; i < 100; i++)
            a[i]++;
#pragma omp for schedule(monotonic : guided)
        for (int i = 0; i < 100; i++)
            a[i]++;
#pragma omp for schedule(nonmonotonic : runtime)
        for (int i = 0; i < 100; i++)
            a[i]++;
#pragma omp for schedule(monotonic : dynamic)
        for (int i = 0; i < 100; i++)
            a[i]++;
    }
    int sum = 0;
    for (int i = 0; i < 100; i++)
        sum += a[i] * i;
    printf("%d\n", sum);
    return 0;
}
