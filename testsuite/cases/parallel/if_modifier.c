/* if with the name of the construct it is for. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int n = 0, sum = 0;
#pragma omp parallel if (parallel : n > 5) reduction(+ : sum)
    sum += omp_get_num_threads();
    printf("%d\n", sum);
    sum = 0;
#pragma omp parallel for if (parallel : n) reduction(+ : sum)
    for (int i = 0; i < 10; i++)
        sum += omp_get_num_threads();
    printf("%d\n", sum);
    return 0;
}
