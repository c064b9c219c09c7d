/* The address of the updated variable is evaluated once. */
#include <stdio.h>

static int calls[64];

static int *slot(int *a, int i)
{
#pragma omp atomic
    calls[i % 64]++;
    return &a[i % 4];
}

int main(void)
{
    int a[4] = {0}, total = 0;
#pragma omp parallel for
    for (int i = 0; i < 64; ++i) {
#pragma omp atomic
        *slot(a, i) += i;
    }
    for (int i = 0; i < 64; ++i)
        total += calls[i];
    printf("%d %d %d %d %d\n", total, a[0], a[1], a[2], a[3]);
    return 0;
}
