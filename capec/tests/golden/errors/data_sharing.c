/* Clauses on data: what may be listed, and how often. */
struct big { int all[4]; };
int global;

static void worker(int own)
{
#pragma omp for reduction(+ : own)
    for (int i = 0; i < 9; i++)
        own += i;
#pragma omp single copyprivate(global)
    global = 1;
}

int main(void)
{
    int i, n = 3, a[9] = {0};
    double d = 0;
    const int fixed = 1;
#pragma omp parallel \
    private(a, \
            nowhere)
    ;
#pragma omp parallel private(i) shared(i)
    ;
#pragma omp parallel private(main)
    ;
#pragma omp parallel private(fixed)
    ;
#pragma omp parallel default(none) shared(i)
    n = i;
#pragma omp parallel default(none)
    global = 1;
#pragma omp parallel private(n)
#pragma omp for reduction(+ : n)
    for (i = 0; i < 9; i++)
        n++;
#pragma omp parallel shared(n)
#pragma omp single copyprivate(n)
    n = 4;
#pragma omp parallel shared(n) allocate(align(64) : n)
    n++;
#pragma omp simd linear(d : 2)
    for (i = 0; i < n; i++)
        d++;
#pragma omp taskloop reduction(task, + : n)
    for (i = 0; i < 9; i++)
        n++;
#pragma omp target defaultmap(none)
    n++;
    worker(n);
    return a[0] + i + n;
}
