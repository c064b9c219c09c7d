//# exit: 5
/* Standard error does not mix with standard output; a failing program's status is passed on. */
#include <stdio.h>

int main(void)
{
    int bad = 0;
#pragma omp parallel for reduction(+ : bad)
    for (int i = 0; i < 50; ++i)
        bad += i % 10 == 3;
    fprintf(stderr, "%d bad\n", bad);
    printf("%d\n", bad);
    return bad;
}
