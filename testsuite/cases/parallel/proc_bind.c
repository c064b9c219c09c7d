/* proc_bind in all spellings changes nothing that a program computes. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int sum = 0;
#pragma omp parallel proc_bind(close) reduction(+ : sum)
    sum += 1;
#pragma omp parallel proc_bind(spread) reduction(+ : sum)
    sum += 1;
#pragma omp parallel proc_bind(primary) reduction(+ : sum)
    sum += 1;
#pragma omp parallel for proc_bind(master) reduction(+ : sum)
    for (int i = 0; i < 10; i++)
        sum += 1;
    printf("%d\n", sum == 3 * omp_get_max_threads() + 10);
    return 0;
}
