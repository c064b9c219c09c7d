/* != with a step other than one. */
int main(void)
{
    int a[10];
#pragma omp parallel for //~?
    for (int i = 0; i != 10; i += 2) //~?
        a[i] = i;
    return 0;
}
