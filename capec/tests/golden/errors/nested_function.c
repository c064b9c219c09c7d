/* A nested function, which the translation cannot hand to other ranks. */
int main(void)
{
    int n = 3;
    int inner(int x) { return x + n; }
#pragma omp parallel
    inner(1);
    return 0;
}
