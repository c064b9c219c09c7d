/* A reduction for a type that none is declared for. */
struct pair { int a, b; };

int f(struct pair s)
{
#pragma omp parallel reduction(+ : s)
    s.a++;
    return s.a;
}
