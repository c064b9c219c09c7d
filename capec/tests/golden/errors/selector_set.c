/* A set of traits that does not exist. */
int main(void)
{
#pragma omp metadirective when(machine={kind(cpu)} : parallel)
    ;
    return 0;
}
