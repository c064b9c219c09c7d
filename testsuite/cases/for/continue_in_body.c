/* continue, inner break, inner goto and early returns of called functions in a loop body. */
#include <stdio.h>

static int first_divisor(int n)
{
    for (int d = 2; d * d <= n; ++d)
        if (n % d == 0)
            return d;
    return n;
}

int main(void)
{
    int kind[200];
#pragma omp parallel for
    for (int i = 0; i < 200; ++i) {
        kind[i] = -1;
        if (i % 10 == 0)
            continue;
        int k;
        for (k = 1; k < 50; ++k)
            if (i % k == 3)
                break;
        if (k == 50)
            goto none;
        kind[i] = k * 1000 + first_divisor(i);
        continue;
    none:
        kind[i] = -2;
    }
    long sum = 0;
    for (int i = 0; i < 200; ++i)
        sum = (sum * 33 + kind[i]) % 1000000007;
    printf("%ld\n", sum);
    return 0;
}
