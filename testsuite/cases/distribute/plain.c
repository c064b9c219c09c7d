/* distribute: each iteration once, whatever the number of teams; private, firstprivate, lastprivate, collapse. */
#include <omp.h>
#include <stdio.h>

#define N 37

int main(void)
{
    int count[N] = {0}, last = -1, f = 2, t = 0, grid[4][5];
#pragma omp teams num_teams(3)
#pragma omp distribute
    for (int i = 0; i < N; i++)
        count[i]++;
#pragma omp teams num_teams(3)
    {
#pragma omp distribute dist_schedule(static, 4) firstprivate(f) private(t)
        for (int i = 0; i < N; i++) {
            t = i * f;
            count[i] += t;
        }
#pragma omp distribute collapse(2)
        for (int r = 0; r < 4; r++)
            for (int c = 0; c < 5; c++)
                grid[r][c] = 10 * r + c;
    }
#pragma omp teams distribute lastprivate(last) num_teams(2)
    for (int i = 0; i < N; i++)
        last = i;
    int sum = 0;
    for (int i = 0; i < N; i++)
        sum += count[i];
    printf("%d %d %d %d %d\n", sum, last, f, t, grid[3][4] + grid[0][1]);
    return 0;
}
