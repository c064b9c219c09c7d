/* A loop variable declared outside is private in the loop; without lastprivate its value afterwards is not used. */
#include <stdio.h>

static int g;

int main(void)
{
    int i, j = 5, sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (i = 0; i < 50; i++)
        for (int k = 0; k < i; ++k)
            sum += k;
#pragma omp parallel private(j) reduction(+ : sum)
    {
#pragma omp for
        for (g = 0; g < 20; ++g) {
            j = g;
            sum += j;
        }
    }
#pragma omp parallel for lastprivate(i)
    for (i = 3; i < 40; i += 4)
        ;
    printf("%d %d %d\n", sum, j, i);
    return 0;
}
