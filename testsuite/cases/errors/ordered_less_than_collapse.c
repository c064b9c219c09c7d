//# error: ordered
/* ordered(n) covers at least the collapsed loops. */
int main(void)
{
    int a[10][10] = {0};
#pragma omp parallel for collapse(2) ordered(1) //~
    for (int i = 1; i < 10; ++i)
        for (int j = 1; j < 10; ++j)
            a[i][j] = 1;
    return a[9][9];
}
