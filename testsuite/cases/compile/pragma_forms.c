/* Pragmas continued over lines, with comments, spaces, commas between clauses and everything after a hash. */
#include <stdio.h>

int main(void)
{
    int a[20], sum = 0, n = 20;
#   pragma	omp   parallel /* here */ for \
        default ( none ) \
        shared(a,n) , firstprivate (sum)// and here
    for (int i = 0; i < n; ++i)
        a[i] = i + sum;
#pragma omp parallel for reduction(+:sum),schedule(static,2),num_threads(2)
    for (int i = 0; i < n; ++i)
        sum += a[i];
    printf("%d\n", sum);
    return 0;
}
