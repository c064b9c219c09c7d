/* Constructs of OpenMP that are not translated. */
int main(void)
{
    int i;
#pragma omp tile sizes(2)
    for (i = 0; i < 4; i++)
        ;
#pragma omp interop init(targetsync : i)
#pragma omp allocate(i) align(64)
    return 0;
}
