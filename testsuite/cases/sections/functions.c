/* Sections that call functions which allocate and fill memory: three independent jobs of a program. */
#include <stdio.h>
#include <stdlib.h>

static int *squares(int n)
{
    int *a = malloc((size_t)n * sizeof *a);
    for (int i = 0; i < n; ++i)
        a[i] = i * i;
    return a;
}

static char *letters(int n)
{
    char *s = malloc((size_t)n + 1);
    for (int i = 0; i < n; ++i)
        s[i] = (char)('a' + i % 26);
    s[n] = 0;
    return s;
}

int main(void)
{
    int *a = NULL, *b = NULL;
    char *s = NULL;
#pragma omp parallel sections
    {
#pragma omp section
        a = squares(1000);
#pragma omp section
        s = letters(30);
#pragma omp section
        {
            b = squares(10);
            b[0] = 5;
        }
    }
    long sum = 0;
    for (int i = 0; i < 1000; ++i)
        sum += a[i];
    printf("%ld %s %d %d\n", sum, s, b[0], b[9]);
    free(a);
    free(b);
    free(s);
    return 0;
}
