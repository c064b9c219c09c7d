/* ordered regions with every schedule, orphaned, in part of the iterations, with a reduction. */
#include <stdio.h>
static int log_[400], logged;
static void note(int i)
{
#pragma omp ordered
    log_[logged++] = i;
}
int main(void)
{
    int sum = 0;
#pragma omp parallel for ordered schedule(static, 3)
    for (int i = 0; i < 20; i++)
        note(i);
#pragma omp parallel
    {
#pragma omp for ordered schedule(dynamic) reduction(+ : sum) nowait
        for (int i = 20; i < 40; i++) {
            sum += i;
            if (i % 3)
                note(i);
        }
    }
#pragma omp parallel for ordered schedule(guided, 2) collapse(2)
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++) {
#pragma omp ordered threads
            {
                log_[logged++] = i * 10 + j;
            }
        }
#pragma omp parallel for ordered
    for (int i = 9; i >= 0; i--)
        note(i);
    for (int i = 0; i < logged; i++)
        printf("%d ", log_[i]);
    printf("%d\n", sum);
    return 0;
}
