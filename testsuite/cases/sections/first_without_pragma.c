/* The first section needs no pragma; clauses on sections. */
#include <stdio.h>

int main(void)
{
    int x = 10, last = 0, sum = 0;
#pragma omp parallel
    {
#pragma omp sections firstprivate(x) lastprivate(last) reduction(+ : sum)
        {
            {
                sum += x;
                last = 1;
            }
#pragma omp section
            {
                sum += 2 * x;
                last = 2;
            }
#pragma omp section
            {
                sum += 3 * x;
                last = 3;
            }
        }
    }
    printf("%d %d %d\n", x, last, sum);
    return 0;
}
