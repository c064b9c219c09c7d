//# cflags: -std=gnu89 -w
/* Old-style definitions: return types and parameters without a declaration are int, and regions use them. */
#include <stdio.h>

static add(scale, values, count)
double *values;
{
    int k;
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (k = 0; k < count; k++)
        sum += scale * (int)values[k];
#pragma omp parallel
    {
#pragma omp single
        count++;
    }
    return sum + count;
}

main(argc, argv)
char **argv;
{
    double values[10];
    int i;
    for (i = 0; i < 10; i++)
        values[i] = i;
    printf("%d %d\n", add(2, values, 10), argc);
    return 0;
}
