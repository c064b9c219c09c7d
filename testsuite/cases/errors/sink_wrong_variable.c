//# error: j
/* The vector of a sink names the loop variables in order. */
int main(void)
{
    int a[10] = {0}, j = 0;
#pragma omp parallel for ordered(1)
    for (int i = 1; i < 10; ++i) {
#pragma omp ordered depend(sink : j - 1) //~
        a[i] = a[i - 1] + 1;
#pragma omp ordered depend(source)
    }
    return a[9];
}
