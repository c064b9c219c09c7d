/* The functions of omp.h declared by the program itself. */
#include <stdio.h>

extern int omp_get_thread_num(void);
int omp_get_max_threads(void);

int main(void)
{
    int sum = 0;
#pragma omp parallel reduction(+ : sum)
    sum += omp_get_thread_num() + 1;
    int n = omp_get_max_threads();
    printf("%d\n", sum == n * (n + 1) / 2);
    return 0;
}
