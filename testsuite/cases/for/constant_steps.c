/* Steps and depths that are constant expressions; a loop that moves away from its bound has no iteration. */
//# cflags: -w
#include <stdio.h>

int main(void)
{
    int i, j, k, sum = 0, none = 0;
    unsigned long long wide, last = 0;
#pragma omp parallel for reduction(+ : sum)
    for (i = 0; i != 37; i += 17 - 19 + 3)
        sum += i;
#pragma omp parallel for reduction(+ : sum)
    for (i = 20; i != -3; i -= (2 << 1) - 3)
        sum += i;
#pragma omp parallel for collapse(4 - 1) reduction(+ : sum) schedule(static, 4)
    for (i = 0; i < 3; i++)
        for (j = 0; j != 4; j -= 17 - 18)
            for (k = 5; k > 0; --k)
                sum += i * 100 + j * 10 + k;
#pragma omp parallel for lastprivate(last)
    for (wide = 0x7fffffffffffffffULL; wide != 0x7ffffffffffffff0ULL; wide -= 3 - 2)
        last = wide;
#pragma omp parallel for collapse(2) reduction(+ : none)
    for (i = 0; i < 3; i++)
        for (j = 10; j < 0; j--)
            none++;
    printf("%d %llx %d\n", sum, last, none);
    return 0;
}
