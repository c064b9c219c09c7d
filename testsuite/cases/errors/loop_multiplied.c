/* An increment that multiplies. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    for (int i = 1; i < n; i *= 2) //~?
        a[j] = n;
    return 0;
}
