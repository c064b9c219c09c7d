/* A construct that does not exist. */
int main(void)
{
#pragma omp metadirective when(construct={parallele} : parallel)
    ;
    return 0;
}
