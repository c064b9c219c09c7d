//# error: critical
/* critical inside a critical of the same name. */
int main(void)
{
    int x = 0;
#pragma omp parallel
#pragma omp critical(me)
    {
#pragma omp critical(me) //~
        x = 1;
    }
    return 0;
}
