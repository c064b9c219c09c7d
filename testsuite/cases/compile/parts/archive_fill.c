/* A member of the library of compile/archive: an orphaned loop in its own region's callee. */
static void part(int *a, int n)
{
#pragma omp for schedule(dynamic, 16)
    for (int i = 0; i < n; ++i)
        a[i] = (i * 7919) % 1009;
}

void fill(int *a, int n)
{
#pragma omp parallel
    part(a, n);
}
