/* Included by in_header.c. */
static int inner(void)
{
    int x = 0;
#pragma omp parallel nothing_known(x)
    x = 1;
    return x;
}
