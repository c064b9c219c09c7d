/* Fewer iterations than threads: some threads have none. */
#include <stdio.h>

int main(void)
{
    int a[3] = {0}, one = 0, last = -1;
#pragma omp parallel for
    for (int i = 0; i < 3; ++i)
        a[i] = i + 5;
#pragma omp parallel for lastprivate(last)
    for (int i = 0; i < 1; ++i) {
        one = 9;
        last = i;
    }
    printf("%d %d %d %d %d\n", a[0], a[1], a[2], one, last);
    return 0;
}
