/* What serial code has buffered when a region starts is printed once. */
#include <stdio.h>

int main(void)
{
    int x = 0;
    printf("once ");
#pragma omp parallel
#pragma omp single
    x = 1;
    printf("and once %d ", x);
#pragma omp parallel for
    for (int i = 0; i < 8; ++i)
        if (i == 100)
            printf("never\n");
    printf("and the end\n");
    return 0;
}
