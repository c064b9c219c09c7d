/* goto, switch, do, nested loops and early continue inside a region's own body. */
#include <stdio.h>

int main(void)
{
    int a[64] = {0}, wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int tries = 0;
    again:
        if (++tries < 3)
            goto again;
        do {
            ++tries;
        } while (tries < 10);
#pragma omp for
        for (int i = 0; i < 64; ++i) {
            switch (i % 4) {
            case 0:
                a[i] = 1;
                break;
            case 1:
                a[i] = 2;
                /* fall through */
            case 2:
                a[i] += 3;
                break;
            default:
                for (;;) {
                    if (++a[i] > i)
                        break;
                }
            }
        }
        wrong += tries != 10;
    }
    int sum = 0;
    for (int i = 0; i < 64; ++i)
        sum = sum * 3 % 10007 + a[i];
    printf("%d %d\n", sum, wrong);
    return 0;
}
