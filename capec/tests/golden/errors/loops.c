/* Loops that are not in canonical form, or whose variables are not as they have to be. */
int main(void)
{
    int i, j, n = 3;
    double d;
#pragma omp parallel for
    for (d = 0; d < 3; d++)
        ;
#pragma omp parallel for
    while (n)
        n--;
#pragma omp parallel for
    for (i = 0; i < n; i *= 2)
        ;
#pragma omp parallel for
    for (; i < n; i++)
        ;
#pragma omp parallel for
    for (i = 0;; i++)
        ;
#pragma omp parallel for
    for (i = 0; i < n;)
        ;
#pragma omp parallel for
    for (i = 0; j < n; i++)
        ;
#pragma omp parallel for
    for (i = 0; i != n; i += 2)
        ;
#pragma omp parallel for
    for (k = 0; k < n; k++)
        ;
#pragma omp parallel for collapse(2)
    for (i = 0; i < n; i++) {
        n++;
        for (j = 0; j < n; j++)
            ;
    }
#pragma omp parallel for collapse(2) schedule(static)
    for (i = 0; i < 3; i++)
        for (j = i; j < 3; j++)
            ;
#pragma omp parallel for collapse(2)
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j += i)
            ;
#pragma omp parallel for collapse(3)
    for (i = 0; i < 3; i++)
        for (j = 0; j < 3; j++)
            for (int k = i; k < j; k++)
                ;
#pragma omp parallel for reduction(+ : i)
    for (i = 0; i < n; i++)
        ;
#pragma omp parallel for collapse(2) ordered(1)
    for (i = 0; i < n; i++)
        for (j = 0; j < n; j++)
            ;
#pragma omp loop
    for (i = 0; i < n; i++)
        ;
    return 0;
}
