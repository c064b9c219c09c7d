//# error: for
/* A loop construct closely nested in another. */
int main(void)
{
    int a[10][10];
#pragma omp parallel for
    for (int i = 0; i < 10; ++i)
#pragma omp for //~
        for (int j = 0; j < 10; ++j)
            a[i][j] = 0;
    return 0;
}
