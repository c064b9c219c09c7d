/* A selector without braces. */
int main(void)
{
#pragma omp metadirective when(user : parallel)
    ;
    return 0;
}
