//# exit: 42
/* The program's exit code is main's return value. */
#include <stdio.h>

int main(void)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 8; ++i)
        sum += i;
    printf("%d\n", sum);
    return sum + 14;
}
