/* Included by both files of compile/header_region. */
static inline int total(const int *a, int n)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; ++i)
        sum += a[i];
    return sum;
}
