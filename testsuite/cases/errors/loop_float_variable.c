/* A loop variable of floating type. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    for (double x = 0; x < 10; x += 1) //~?
        a[j] = n;
    return 0;
}
