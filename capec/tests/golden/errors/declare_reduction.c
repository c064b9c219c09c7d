/* Reductions that cannot be declared, and uses of none. */
struct pair { int a, b; };
#pragma omp declare reduction(+ : int : omp_out += omp_in)
#pragma omp declare reduction(sum : const int : omp_out += omp_in)
#pragma omp declare reduction(total : int, double : omp_out += omp_in)
#pragma omp declare reduction(total : double : omp_out += omp_in)

int f(struct pair s, int n)
{
#pragma omp parallel reduction(+ : s)
    s.a++;
#pragma omp parallel reduction(later : n)
    n++;
    return n;
}
#pragma omp declare reduction(later : int : omp_out += omp_in)
