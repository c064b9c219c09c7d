/* A name of the translation's own. */
int cape_env;

int main(void)
{
#pragma omp parallel
    ;
    return 0;
}
