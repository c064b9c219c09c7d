/* A loop variable that is listed as shared, or as lastprivate(conditional:), is private all the same: compilers accept it. */
//# cflags: -w
#include <stdio.h>

int main(void)
{
    int i, sum = 0;
#pragma omp parallel for shared(i) reduction(+ : sum)
    for (i = 0; i < 100; ++i)
        sum += i;
    printf("%d\n", sum);
    sum = 0;
#pragma omp parallel for lastprivate(conditional : i) reduction(+ : sum)
    for (i = 0; i < 50; ++i)
        sum += i;
    printf("%d %d\n", sum, i);
    return 0;
}
