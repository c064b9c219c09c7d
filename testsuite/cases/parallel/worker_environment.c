//# env: CAPE_TEST_NUMBER=12
/* getenv() and the arguments are there in every thread. */
//# args: 30
#include <stdio.h>
#include <stdlib.h>
#include <omp.h>

int main(int argc, char **argv)
{
    int sum = 0;
#pragma omp parallel reduction(+ : sum)
    sum += atoi(getenv("CAPE_TEST_NUMBER")) + atoi(argv[1]) + argc;
    printf("%d\n", sum / omp_get_max_threads());
    return sum % omp_get_max_threads();
}
