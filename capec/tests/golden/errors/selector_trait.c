/* A trait that is none. */
int main(void)
{
#pragma omp metadirective when(device={kind cpu} : parallel)
    ;
    return 0;
}
