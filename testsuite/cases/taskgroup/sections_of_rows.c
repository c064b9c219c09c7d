/* Task reductions over sections of several dimensions that do not begin at the first column, whose bounds change afterwards. */
#include <stdio.h>

static void leaf(int (*rows)[6], int n, int wide[2][n * 2])
{
#pragma omp task in_reduction(+ : rows[1:1][2:n], wide[1][1:n])
    {
        rows[1][2] += 100;
        rows[1][n + 1] += 200;
        wide[1][1] += 300;
        wide[1][n] += 400;
    }
}

int main(void)
{
    int rows[3][6], n = 3, wide[2][n * 2];
    for (int i = 0; i < 18; ++i)
        rows[i / 6][i % 6] = i;
    for (int i = 0; i < 12; ++i)
        wide[i / 6][i % 6] = i;
    int (*p)[6] = rows;
#pragma omp parallel num_threads(2) firstprivate(n) reduction(task, + : p[1:1][2:n], wide[1][1:n])
    {
#pragma omp master
        {
            leaf(p, n, wide);
#pragma omp task in_reduction(+ : p[1:1][2:n], wide[1][1:n])
            {
                p[1][3] += 1000;
                wide[1][2] += 2000;
            }
        }
        n = 0;
    }
#pragma omp parallel num_threads(2) reduction(task, + : rows[1:1][4:2])
#pragma omp master
    {
        for (int i = 0; i < 10; ++i) {
#pragma omp task in_reduction(+ : rows[1:1][4:2])
            {
                rows[1][4] += i;
                rows[1][5] += 2 * i;
            }
        }
    }
    for (int i = 0; i < 18; ++i)
        printf("%d ", rows[i / 6][i % 6]);
    for (int i = 0; i < 12; ++i)
        printf("%d ", wide[i / 6][i % 6]);
    printf("\n");
    return 0;
}
