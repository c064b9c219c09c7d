//# error: section
/* section outside of sections. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
#pragma omp section //~
        x = 1;
    }
    return 0;
}
