//# error: schedule
/* A clause that exists, but not on this directive. */
int main(void)
{
    int a[10];
#pragma omp parallel schedule(static) //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return 0;
}
