/* mutexinoutset: tasks that exclude each other, in any order, between an out and an in. */
#include <stdio.h>

int main(void)
{
    int x = 0, result = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp task depend(out : x) shared(x)
        x = 5;
        for (int i = 1; i <= 10; ++i) {
#pragma omp task depend(mutexinoutset : x) shared(x)
            x += i;
        }
#pragma omp task depend(in : x) shared(x, result)
        result = x;
    }
    printf("%d\n", result);
    return 0;
}
