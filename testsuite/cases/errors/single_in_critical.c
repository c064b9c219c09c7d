//# error: single
/* single closely nested in critical. */
int main(void)
{
    int x = 0;
#pragma omp parallel
#pragma omp critical
    {
#pragma omp single //~
        x = 1;
    }
    return 0;
}
