//# error: paralel
/* A directive that does not exist. */
int main(void)
{
#pragma omp paralel for //~
    for (int i = 0; i < 10; ++i)
        ;
    return 0;
}
