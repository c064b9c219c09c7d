/* depobj: a dependence in a variable, changed and destroyed. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int x = 0, seen = 0;
#pragma omp parallel
#pragma omp single
    {
        omp_depend_t object, other;
#pragma omp depobj(object) depend(inout : x)
#pragma omp depobj(other) depend(in : x)
#pragma omp task depend(depobj : object) shared(x)
        x = 3;
#pragma omp depobj(object) update(in)
#pragma omp task depend(depobj : object) shared(x, seen)
        {
#pragma omp atomic
            seen += x;
        }
#pragma omp task depend(depobj : other) shared(x, seen)
        {
#pragma omp atomic
            seen += 10 * x;
        }
#pragma omp taskwait
#pragma omp depobj(object) destroy
#pragma omp depobj(other) destroy
    }
    printf("%d %d\n", x, seen);
    return 0;
}
