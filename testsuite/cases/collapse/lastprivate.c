/* The values after a collapsed nest: those of its sequentially last iteration. */
#include <stdio.h>

int main(void)
{
    int i, j, x = 0;
#pragma omp parallel for collapse(2) lastprivate(x) schedule(static, 3)
    for (i = 0; i < 6; ++i)
        for (j = 20; j > 4; j -= 5)
            x = i * 1000 + j;
    printf("%d\n", x);
    return 0;
}
