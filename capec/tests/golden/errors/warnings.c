/* What -Wcape finds, and what is said in passing. */
extern int use(int);

int f(int n, int *table)
{
    int i, sum = 0, last = 0;
#pragma omp parallel for
    for (int k = 0; k < n; k++)
        sum += table[k];
#pragma omp parallel shared(last)
    last = use(n);
#pragma omp parallel for
    for (int k = 0; k < n; k++) {
#pragma omp critical
        sum += use(k);
    }
#pragma omp parallel for
    for (int k = 0; k < n; k++) {
#pragma omp atomic capture
        { table[0] += k; last = table[0]; }
    }
#pragma omp parallel for shared(i)
    for (i = 0; i < n; i++)
        table[i] = 0;
#pragma omp parallel for
    for (i = 0; i < n; i--)
        table[i] = 0;
#pragma omp parallel for lastprivate(conditional : i)
    for (i = 0; i < n; i++)
        table[i] = 1;
    return sum + last;
}
