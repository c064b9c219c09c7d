/* A loop without initialisation. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    for (; j < n; ++j) //~?
        a[j] = n;
    return 0;
}
