/* Pragmas that come out of macros, _Pragma and a clause made by a macro. */
#include <stdio.h>

#define STR(x) #x
#define OMP(x) _Pragma(STR(omp x))
#define SCHED schedule(static, CHUNK)
#define CHUNK 3
#define LOOP(n) OMP(parallel for) for (int i = 0; i < (n); ++i)

int main(void)
{
    int a[30], b[30];
    LOOP(30)
        a[i] = i * i;
#pragma omp parallel for SCHED
    for (int i = 0; i < 30; ++i)
        b[i] = a[29 - i];
    int sum = 0;
    OMP(parallel for reduction(+ : sum))
    for (int i = 0; i < 30; ++i)
        sum += a[i] * b[i];
    printf("%d\n", sum);
    return 0;
}
