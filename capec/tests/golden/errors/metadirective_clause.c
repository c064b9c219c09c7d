/* A clause that metadirective does not have. */
int main(void)
{
#pragma omp metadirective where(user={condition(1)} : parallel)
    ;
    return 0;
}
