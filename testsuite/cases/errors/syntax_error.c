/* A syntax error of C inside a region has its line. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
        x = ; //~
    }
    return 0;
}
