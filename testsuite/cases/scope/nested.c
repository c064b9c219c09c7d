/* A scope inside of a scope, with a reduction each. */
#include <stdio.h>

int main(void)
{
    int a = 0, b = 1;
#pragma omp parallel num_threads(2)
    {
#pragma omp scope reduction(+ : a)
        {
            a += 3;
#pragma omp scope reduction(* : b)
            b *= 2;
        }
    }
    printf("%d %d\n", a, b);
    return 0;
}
