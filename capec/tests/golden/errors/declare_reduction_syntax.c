/* The parts of declare reduction. */
#pragma omp declare reduction(plus : int)
#pragma omp declare reduction(plus : int, : omp_out += omp_in)
#pragma omp declare reduction(plus : int : omp_out += omp_in) initializer
#pragma omp declare reduction(plus : int : omp_out += omp_in) initializer(omp_orig)

int main(void)
{
#pragma omp parallel
    ;
    return 0;
}
