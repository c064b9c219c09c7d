/* Names of directives, and what follows them. */
int x;
#pragma omp groupprivate(x)

int main(void)
{
#pragma omp
#pragma omp tusk
    ;
#pragma omp parallel mastered
    ;
#pragma omp dispatch
    main();
#pragma omp critical (one two)
    x++;
#pragma omp parallel + 3
    x++;
#pragma omp   parallel /* c */ shared(x)  privat(x)
    ;
#pragma omp barrier nowait
#pragma omp taskyield if(1)
    return 0;
}
