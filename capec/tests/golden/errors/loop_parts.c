/* What belongs to a loop and is not in the right one: ordered, scan, dependences between iterations. */
int main(void)
{
    int i, n = 3, a[9] = {0}, sum = 0;
#pragma omp parallel for
    for (i = 0; i < n; i++) {
#pragma omp ordered
        a[i]++;
    }
#pragma omp parallel for ordered
    for (i = 0; i < n; i++) {
#pragma omp ordered simd
        a[i]++;
    }
#pragma omp parallel for ordered(1)
    for (i = 0; i < n; i++) {
#pragma omp ordered
        a[i]++;
#pragma omp ordered depend(sink : i - 1, i)
#pragma omp ordered depend(sink : n - 1)
#pragma omp ordered depend(source)
    }
#pragma omp parallel for
    for (i = 0; i < n; i++) {
#pragma omp ordered depend(source)
    }
#pragma omp single
    {
#pragma omp ordered
        a[0]++;
    }
#pragma omp critical
    {
#pragma omp ordered
        a[0]++;
    }
#pragma omp parallel for reduction(inscan, + : sum)
    for (i = 0; i < n; i++) {
        sum += a[i];
#pragma omp scan inclusive(n)
        a[i] = sum;
    }
    {
        sum++;
#pragma omp scan inclusive(sum)
    }
    return sum;
}
