/* Constructs in others that cannot hold them. */
int main(void)
{
    int i, n = 3;
#pragma omp parallel for
    for (i = 0; i < n; i++) {
#pragma omp barrier
    }
#pragma omp critical
    {
#pragma omp critical
        n++;
    }
#pragma omp section
    n++;
#pragma omp sections
    n++;
#pragma omp teams
    n++;
#pragma omp parallel
    {
#pragma omp teams
        n++;
    }
#pragma omp teams
    {
#pragma omp single
        n++;
    }
#pragma omp parallel
    {
#pragma omp cancel for
    }
#pragma omp cancel parallel
    return 0;
}
