//# error: fastprivate
/* A clause that does not exist. */
int main(void)
{
    int a[10];
#pragma omp parallel for fastprivate(a) //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return 0;
}
