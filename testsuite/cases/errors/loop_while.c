/* A while loop under a loop construct. */
int main(void)
{
    int a[10] = {0}, n = 10, j = 0;
#pragma omp parallel for //~?
    while (j < n) //~?
        a[j] = n;
    return 0;
}
