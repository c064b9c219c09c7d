/* inoutset: a set of tasks that may run at once, between an out and an in. (gcc 12 does not know it.) */
//# skip-oracle
#include <stdio.h>

int main(void)
{
    int x = 0, parts[4] = {0}, result = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp task depend(out : x) shared(x)
        x = 5;
        for (int i = 0; i < 4; ++i) {
#pragma omp task depend(inoutset : x) shared(x, parts)
            parts[i] = x + i;
        }
#pragma omp task depend(in : x) shared(parts, result)
        result = parts[0] + parts[1] + parts[2] + parts[3];
    }
    printf("%d\n", result);
    return result != 26;
}
