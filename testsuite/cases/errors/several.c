/* All errors of a file are reported, not only the first. */
int main(void)
{
    int x = 0, a[10];
#pragma omp parallel privat(x) //~ privat
    x = 1;
#pragma omp parallel for schedule(sometimes) //~ schedule
    for (int i = 0; i < 10; ++i)
        a[i] = i;
#pragma omp parallel shared(missing) //~ missing
    x = 2;
    return 0;
}
