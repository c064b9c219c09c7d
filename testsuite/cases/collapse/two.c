/* collapse(2) and (3) over rectangular nests of mixed types and directions. */
#include <stdio.h>

int main(void)
{
    static int a[7][11], b[4][5][6];
    unsigned char c;
    long sum = 0;
#pragma omp parallel for collapse(2)
    for (int i = 0; i < 7; ++i)
        for (c = 10; c > 0; c--)
            a[i][c] = i * 100 + c;
#pragma omp parallel for collapse(3) schedule(dynamic, 4)
    for (long i = 3; i >= 0; --i)
        for (unsigned j = 0; j < 5; ++j)
            for (short k = 0; k <= 5; k += 2)
                b[i][j][k] = (int)(i * 100 + j * 10) + k;
#pragma omp parallel for collapse(2) reduction(+ : sum)
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 5; ++j)
            for (int k = 0; k < 6; ++k)
                sum += (long)b[i][j][k] * (i + j + k) + a[i][j];
    printf("%ld\n", sum);
    return 0;
}
