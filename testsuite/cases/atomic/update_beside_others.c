/* `update` may stand beside capture and compare, and says nothing then. */
#include <stdio.h>

int main(void)
{
    int x = 5, v = 0, w = 0;
#pragma omp parallel num_threads(1)
    {
#pragma omp atomic capture, update
        v = x++;
#pragma omp atomic update, compare
        if (x == 6) {
            x = 40;
        }
#pragma omp atomic capture, update, compare seq_cst fail(acquire)
        {
            w = x;
            x = x == 40 ? 50 : x;
        }
    }
    printf("%d %d %d\n", x, v, w);
    return 0;
}
