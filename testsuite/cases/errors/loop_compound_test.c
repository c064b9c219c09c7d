/* A condition of two parts. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    for (int i = 0; i < n && j < n; ++i) //~?
        a[j] = n;
    return 0;
}
