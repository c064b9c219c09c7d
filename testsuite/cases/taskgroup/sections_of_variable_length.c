/* task_reduction and in_reduction of sections of arrays of variable length, of one dimension and of several. */
#include <stdio.h>

static void work(int n, int (*square)[n], int *line)
{
#pragma omp taskgroup task_reduction(+ : square[1 : 1][1 : n - 1]) task_reduction(* : line[2 : n])
    {
        for (int round = 0; round < 6; round++) {
#pragma omp task in_reduction(+ : square[1 : 1][1 : n - 1]) in_reduction(* : line[2 : n])
            {
                for (int k = 1; k < n; k++) {
                    square[1][k] += round * k;
                }
                for (int k = 0; k < n; k++)
                    line[k + 2] *= 1 + (round + k) % 2;
            }
        }
    }
}

int main(void)
{
    enum { N = 5 };
    int square[2][N], line[N + 2];
    for (int k = 0; k < N; k++)
        square[0][k] = square[1][k] = 100 * k;
    for (int k = 0; k < N + 2; k++)
        line[k] = k + 1;
#pragma omp parallel num_threads(4)
#pragma omp single
    work(N, square, line);
    for (int k = 0; k < N; k++)
        printf("%d %d\n", square[0][k], square[1][k]);
    for (int k = 0; k < N + 2; k++)
        printf("%d ", line[k]);
    printf("\n");
    return 0;
}
