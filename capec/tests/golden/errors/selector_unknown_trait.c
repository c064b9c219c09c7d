/* A trait that the set does not have. */
int main(void)
{
#pragma omp metadirective when(device={colour(red)} : parallel)
    ;
    return 0;
}
