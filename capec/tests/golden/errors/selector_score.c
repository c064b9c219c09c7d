/* A score that is no number. */
int main(void)
{
#pragma omp metadirective when(implementation={vendor(score(main): gnu)} : parallel)
    ;
    return 0;
}
