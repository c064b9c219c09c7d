/* atomic outside of any region is an ordinary statement. */
#include <stdio.h>

int main(void)
{
    int x = 3;
#pragma omp atomic
    x += 4;
#pragma omp atomic
    x *= 2;
    printf("%d\n", x);
    return 0;
}
