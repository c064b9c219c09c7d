/* Byte-wise false sharing: neighbouring threads write neighbouring bytes of each page, also with the value they had. */
#include <omp.h>
#include <stdio.h>

static unsigned char a[3 * 4096 + 17];

int main(void)
{
    int n = (int)sizeof a;
    unsigned long hash = 0;
    for (int round = 0; round < 6; ++round) {
#pragma omp parallel for schedule(static, 1)
        for (int i = 0; i < n; ++i)
            a[i] = (unsigned char)(a[i] * 7 + i + round);
#pragma omp parallel for schedule(static, 1)
        for (int i = 0; i < n; ++i)
            if (i % 3)
                a[i] = (unsigned char)(i * 5);
            else
                a[i] += 0;
    }
    for (int i = 0; i < n; ++i)
        hash = hash * 31 + a[i];
    printf("%lu\n", hash);
    return 0;
}
