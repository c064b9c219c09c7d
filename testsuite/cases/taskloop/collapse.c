/* taskloop collapse: two and three loops, blocks in between, empty nests. */
#include <stdio.h>

int main(void)
{
    static int grid[5][7], cube[2][3][4];
    int wrong = 0, ran = 0, last_i = -1, last_j = -1;
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskloop collapse(2) grainsize(4) lastprivate(last_i, last_j)
        for (int i = 0; i < 5; ++i)
            for (int j = 6; j >= 0; --j) {
                grid[i][j] += i * 7 + j;
                last_i = i;
                last_j = j;
            }
#pragma omp taskloop collapse(3) num_tasks(3)
        for (int i = 0; i < 2; ++i)
            for (int j = 0; j < 3; ++j)
                for (int k = 0; k < 4; k += 2)
                    cube[i][j][k] = 1;
#pragma omp taskloop collapse(2)
        for (int i = 0; i < 5; ++i)
            for (int j = 0; j < 0; ++j) {
#pragma omp atomic
                ++ran;
            }
    }
    for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 7; ++j)
            wrong += grid[i][j] != i * 7 + j;
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 4; ++k)
                wrong += cube[i][j][k] != (k % 2 == 0);
    printf("%d %d %d %d\n", wrong, ran, last_i, last_j);
    return 0;
}
