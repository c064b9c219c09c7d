//# error: int
/* The same reduction for the same type twice in one scope. */
#pragma omp declare reduction(most : int : omp_out = omp_in > omp_out ? omp_in : omp_out)
#pragma omp declare reduction(most : int : omp_out += omp_in) //~
int main(void)
{
    int x = 0;
#pragma omp parallel reduction(most : x)
    x = 1;
    return x;
}
