/* collapse of more loops than are nested. */
int main(void)
{
    int a[10];
#pragma omp parallel for collapse(2) //~?
    for (int i = 0; i < 10; ++i) //~?
        a[i] = i; //~?
    return 0;
}
