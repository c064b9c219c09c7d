/* The condition tests another variable. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    for (int i = 0; j < n; ++i) //~?
        a[j] = n;
    return 0;
}
