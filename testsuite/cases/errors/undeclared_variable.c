//# error: nowhere
/* A variable in a clause that is not declared. */
int main(void)
{
    int x = 0;
#pragma omp parallel shared(x, nowhere) //~
    x = 1;
    return 0;
}
