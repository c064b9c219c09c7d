/* private and firstprivate on single. */
#include <stdio.h>

int main(void)
{
    int x = 4, y = 9, result = 0;
#pragma omp parallel shared(result)
    {
#pragma omp single private(y) firstprivate(x)
        {
            y = x * 2;
            x = 100;
            result = y;
        }
    }
    printf("%d %d %d\n", x, y, result);
    return 0;
}
