//# exit: 134
/* abort() in serial code after a region: death by SIGABRT. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    int x = 0;
#pragma omp parallel for reduction(+ : x)
    for (int i = 0; i < 4; ++i)
        x += i;
    printf("%d\n", x);
    fflush(stdout);
    if (x == 6)
        abort();
    return 0;
}
