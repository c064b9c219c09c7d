/* Reduction of a variable-length array and of a section with computed bounds. */
#include <stdio.h>

static void count(int n, int from, const int *data, int length)
{
    int bins[n], some[n];
    for (int i = 0; i < n; ++i)
        bins[i] = some[i] = 0;
#pragma omp parallel for reduction(+ : bins) reduction(+ : some[from : n - from])
    for (int i = 0; i < length; ++i) {
        bins[data[i] % n]++;
        some[from + data[i] % (n - from)] += 2;
    }
    for (int i = 0; i < n; ++i)
        printf("%d/%d ", bins[i], some[i]);
    printf("\n");
}

int main(void)
{
    int data[500];
    for (int i = 0; i < 500; ++i)
        data[i] = i * i % 101;
    count(7, 2, data, 500);
    count(13, 0, data, 500);
    return 0;
}
