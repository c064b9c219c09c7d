//# error: int
/* The operators are predeclared for arithmetic types. */
#pragma omp declare reduction(+ : unsigned int : omp_out += omp_in) //~
int main(void)
{
    return 0;
}
