/* omp for on a statement that is no loop. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
#pragma omp for //~?
        x = 1; //~?
    }
    return 0;
}
