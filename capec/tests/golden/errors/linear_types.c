/* Variables that cannot be linear. */
struct pair { int a; };

void f(int n, double d, struct pair s)
{
#pragma omp simd linear(d : 2)
    for (int i = 0; i < n; i++)
        ;
#pragma omp parallel for linear(d, s : 2)
    for (int i = 0; i < n; i++)
        ;
}
