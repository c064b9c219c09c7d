/* Constructs as the statement of if, else, for, while and a label. */
#include <stdio.h>

int main(int argc, char **argv)
{
    int a[40] = {0}, k = 0;
    (void)argv;
    if (argc == 1)
#pragma omp parallel for
        for (int i = 0; i < 40; ++i)
            a[i] = i;
    else
#pragma omp parallel for
        for (int i = 0; i < 40; ++i)
            a[i] = -i;
    for (int t = 0; t < 3; ++t)
#pragma omp parallel for
        for (int i = 0; i < 40; ++i)
            a[i] += t;
    while (k++ < 2)
#pragma omp parallel
#pragma omp for
        for (int i = 0; i < 40; ++i)
            a[i] *= 2;
    switch (argc) {
    case 1:
#pragma omp parallel for
        for (int i = 0; i < 40; ++i)
            a[i] -= 1;
        break;
    default:
        break;
    }
    for (int i = 0; i < 40; ++i)
        printf("%d ", a[i]);
    printf("\n");
    return 0;
}
