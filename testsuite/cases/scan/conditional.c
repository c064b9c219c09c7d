/* lastprivate(conditional:) beside a scan, assigned in either phase. */
#include <stdio.h>

int main(void)
{
    int a[40], b[40], sum = 0, low = -1, high = -1;
    for (int i = 0; i < 40; ++i)
        a[i] = i;
#pragma omp parallel for reduction(inscan, + : sum) lastprivate(conditional : low, high)
    for (int i = 0; i < 40; i++) {
        sum += a[i];
        if (i % 5 == 2 && i < 30)
            low = i;
#pragma omp scan inclusive(sum)
        b[i] = sum;
        if (i % 7 == 1 && i < 25)
            high = b[i];
    }
    printf("%d %d %d %d\n", b[39], sum, low, high);
    return 0;
}
