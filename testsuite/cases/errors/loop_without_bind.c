//# error: loop
/* An orphaned loop construct has to say what it binds to. */
int main(void)
{
    int a[10];
#pragma omp loop //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return a[0];
}
