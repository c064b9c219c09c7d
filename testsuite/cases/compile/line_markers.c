/* #line and included bodies: constructs keep their places. */
#include <stdio.h>

int main(void)
{
    int line = 0, sum = 0;
#line 1000 "generated.c"
#pragma omp parallel for reduction(+ : sum) lastprivate(line)
    for (int i = 0; i < 10; ++i) {
        sum += i;
        line = __LINE__;
    }
    printf("%d %d %s\n", sum, line, __FILE__);
    return 0;
}
