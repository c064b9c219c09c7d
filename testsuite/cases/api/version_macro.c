/* _OPENMP is defined, has the form of a date, and conditional compilation sees it. */
#include <stdio.h>
#ifdef _OPENMP
#include <omp.h>
#endif

int main(void)
{
#ifndef _OPENMP
    printf("no OpenMP\n");
#else
    printf("%d %d\n", _OPENMP >= 200805, _OPENMP % 100 >= 1 && _OPENMP % 100 <= 12);
#endif
    return 0;
}
