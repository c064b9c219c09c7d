//# error: sink
/* The vector of a sink has a component for each loop. */
int main(void)
{
    int a[10][10] = {0};
#pragma omp parallel for ordered(2)
    for (int i = 1; i < 10; ++i)
        for (int j = 1; j < 10; ++j) {
#pragma omp ordered depend(sink : i - 1) //~
            a[i][j] = a[i - 1][j] + 1;
#pragma omp ordered depend(source)
        }
    return a[9][9];
}
