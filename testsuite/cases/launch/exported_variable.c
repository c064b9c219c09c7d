//# env: COLOUR=red
//# caperun: -x SHAPE=round -x COLOUR
//# env: SHAPE=round
/* -x sets and passes variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    wrong += strcmp(getenv("SHAPE"), "round") != 0 || strcmp(getenv("COLOUR"), "red") != 0;
    printf("%d\n", wrong);
    return 0;
}
