//# error: ordered
/* A dependence between iterations outside of a loop with ordered(n). */
int main(void)
{
    int a[10] = {0};
#pragma omp parallel for ordered
    for (int i = 1; i < 10; ++i) {
#pragma omp ordered depend(source) //~
        a[i] = i;
    }
    return a[9];
}
