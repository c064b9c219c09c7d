/* Clauses whose arguments are missing, superfluous or none that they take. */
int f(int n, int *a)
{
    int i;
#pragma omp parallel default(all)
    ;
#pragma omp parallel if(for: n)
    ;
#pragma omp parallel if(parallel:)
    ;
#pragma omp parallel private(
    ;
#pragma omp parallel private()
    ;
#pragma omp parallel private(i n)
    ;
#pragma omp parallel private(i,)
    ;
#pragma omp parallel private(a[1])
    ;
#pragma omp parallel num_threads
    ;
#pragma omp parallel proc_bind(near)
    ;
#pragma omp parallel num_threads(2) num_threads(3)
    ;
#pragma omp parallel reduction(n)
    ;
#pragma omp parallel reduction(/ : n)
    ;
#pragma omp for nowait(1)
    for (i = 0; i < n; i++)
        ;
#pragma omp for collapse(n)
    for (i = 0; i < n; i++)
        ;
#pragma omp for ordered(0)
    for (i = 0; i < n; i++)
        ;
#pragma omp for order(sequential)
    for (i = 0; i < n; i++)
        ;
#pragma omp for schedule(fast, 3)
    for (i = 0; i < n; i++)
        ;
#pragma omp for schedule(static 3)
    for (i = 0; i < n; i++)
        ;
#pragma omp for schedule(auto, 3)
    for (i = 0; i < n; i++)
        ;
#pragma omp for schedule(dynamic, 0)
    for (i = 0; i < n; i++)
        ;
#pragma omp for schedule(monotonic, nonmonotonic: dynamic)
    for (i = 0; i < n; i++)
        ;
#pragma omp loop bind(region)
    for (i = 0; i < n; i++)
        ;
#pragma omp simd safelen(n)
    for (i = 0; i < n; i++)
        ;
#pragma omp simd aligned(: 8)
    for (i = 0; i < n; i++)
        ;
#pragma omp simd linear(: 2)
    for (i = 0; i < n; i++)
        ;
#pragma omp simd linear(n :)
    for (i = 0; i < n; i++)
        ;
#pragma omp simd linear(n 2)
    for (i = 0; i < n; i++)
        ;
#pragma omp atomic compare fail(release)
    *a = *a == n ? i : *a;
    return n;
}
