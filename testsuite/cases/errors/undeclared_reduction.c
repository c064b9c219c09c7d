//# error: most
/* A reduction identifier that nothing declares. */
int main(void)
{
    int x = 0;
#pragma omp parallel reduction(most : x) //~
    x = 1;
    return x;
}
