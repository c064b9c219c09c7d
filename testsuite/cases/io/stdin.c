//# stdin: 5 7 11
//# stdin: hello world
//# stdin:
//# stdin: 3
/* Standard input read by serial code, before and between regions. */
#include <stdio.h>

int main(void)
{
    int a[3], n = 0, sum = 0;
    char line[100];
    if (scanf("%d %d %d ", &a[0], &a[1], &a[2]) != 3)
        return 1;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 3; ++i)
        sum += a[i];
    if (!fgets(line, sizeof line, stdin) || scanf("%d", &n) != 1)
        return 2;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; ++i)
        sum += line[i];
    printf("%d %s%d %d\n", sum, line, n, getchar() == '\n' && getchar() == EOF);
    return 0;
}
