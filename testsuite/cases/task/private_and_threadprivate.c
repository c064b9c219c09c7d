/* private in tasks starts undefined; threadprivate belongs to the executing thread. */
#include <stdio.h>

static int mine;
#pragma omp threadprivate(mine)

int main(void)
{
    int x = 7, sum = 0, wrong = 0;
    int buffer[3] = {1, 1, 1};
#pragma omp parallel
    {
        mine = 1;
#pragma omp barrier
#pragma omp single
        for (int i = 0; i < 20; ++i) {
#pragma omp task private(x, buffer)
            {
                x = i;
                buffer[0] = buffer[1] = buffer[2] = x;
#pragma omp atomic
                sum += x + buffer[2];
                if (mine != 1) {
#pragma omp atomic
                    ++wrong;
                }
            }
        }
    }
    printf("%d %d %d %d\n", x, sum, buffer[0], wrong);
    return 0;
}
