/* Variables that cannot be threadprivate, and what cannot be done with those that are. */
#pragma omp threadprivate(late)
int late;
struct pair { int a, b; } one, other;
#pragma omp threadprivate(one)
int used;
int get(void) { return used; }
#pragma omp threadprivate(used)
int right, plain;
#pragma omp threadprivate(right)

int f(void)
{
    int local = 0;
#pragma omp threadprivate(local)
#pragma omp parallel private(right)
    right = 1;
#pragma omp parallel copyin(plain)
    plain = 1;
    return local;
}
