//# caperun: --stats --verbose
/* --stats and --verbose print on standard error only. */
#include <stdio.h>

int main(void)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(dynamic)
    for (int i = 0; i < 100; ++i)
        sum += i;
    printf("%d\n", sum);
    return 0;
}
