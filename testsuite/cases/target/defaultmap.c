/* defaultmap says what becomes of the variables that no clause names. */
#include <stdio.h>

int main(void)
{
    int s = 1, a[2] = {1, 2}, *p = a;
#pragma omp target defaultmap(tofrom : scalar)
    s = 5, a[0] = 6;
    printf("%d %d\n", s, a[0]);
#pragma omp target defaultmap(firstprivate : aggregate) map(s)
    s = 7, a[0] = 8;
    printf("%d %d\n", s, a[0]);
#pragma omp target defaultmap(tofrom)
    s = 9, a[1] = 10, *p = 4;
    printf("%d %d %d\n", s, a[1], a[0]);
#pragma omp target defaultmap(firstprivate)
    s = 11;
    printf("%d\n", s);
#pragma omp target defaultmap(none) map(s) map(a)
    s = 12, a[0] = 13;
    printf("%d %d\n", s, a[0]);
#pragma omp target defaultmap(default : scalar) defaultmap(tofrom : pointer)
    s = 14;
    printf("%d\n", s);
    return 0;
}
