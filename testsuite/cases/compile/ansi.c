/*# cflags: -ansi */
/* C90: declarations first, no // comments, no declarations in for. */
#include <stdio.h>

int main(void)
{
    int i, sum = 0;
    int a[50];
#pragma omp parallel for
    for (i = 0; i < 50; i++)
        a[i] = i * 3;
#pragma omp parallel for reduction(+ : sum)
    for (i = 0; i < 50; i++)
        sum += a[i];
    printf("%d\n", sum);
    return 0;
}
