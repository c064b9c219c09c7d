/* Every section runs once, also when there are more or fewer sections than threads. */
#include <stdio.h>

int main(void)
{
    int a = 0, b = 0, c = 0, d = 0, e = 0, one = 0;
#pragma omp parallel sections
    {
#pragma omp section
        a += 1;
#pragma omp section
        { b += 2; }
#pragma omp section
        c += 3;
#pragma omp section
        d += 4;
#pragma omp section
        e += 5;
    }
#pragma omp parallel
    {
#pragma omp sections
        {
            one += 7;
        }
    }
    printf("%d %d %d %d %d %d\n", a, b, c, d, e, one);
    return 0;
}
