/* taskwait for children, with depend for some of them; nested. */
#include <stdio.h>

int main(void)
{
    int x = 0, y = 0, z = 0, seen = 0, after = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp task depend(out : x) shared(x)
        x = 1;
#pragma omp task depend(out : y) shared(y, z)
        {
#pragma omp task shared(z)
            z = 5;
#pragma omp taskwait
            y = z + 1;
        }
#pragma omp taskwait depend(in : x)
        seen = x;
#pragma omp taskwait
        after = y;
    }
    printf("%d %d %d\n", seen, after, z);
    return 0;
}
