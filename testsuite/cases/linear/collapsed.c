/* linear with collapse, lastprivate and a reduction together. */
#include <stdio.h>
int main(void)
{
    int a[60], k = 0, last = -1, sum = 0;
#pragma omp parallel for collapse(2) linear(k) lastprivate(last) reduction(+ : sum)
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 10; j++) {
            a[k] = i * j;
            last = i + j;
            sum += k;
            k++;
        }
    int wrong = 0;
    for (int i = 0; i < 60; i++)
        wrong += a[i] != (i / 10) * (i % 10);
    printf("%d %d %d %d\n", k, last, sum, wrong);
    return 0;
}
