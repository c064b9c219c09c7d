/* The loop construct: bound to a parallel region, to a thread, nested, orphaned, combined; order(concurrent). */
#include <stdio.h>
static void fill(int *v, int n)
{
#pragma omp loop bind(parallel)
    for (int i = 0; i < n; i++)
        v[i] += i;
}
static void own(int *v, int n)
{
#pragma omp loop bind(thread) order(concurrent)
    for (int i = 0; i < n; i++)
        v[i] = 1;
}
int main(void)
{
    int v[50] = {0}, w[6][7], sum = 0, last = 0;
#pragma omp parallel
    {
#pragma omp loop
        for (int i = 0; i < 50; i++)
            v[i] = 2 * i;
        fill(v, 50);
        int mine[8];
        own(mine, 8);
#pragma omp loop collapse(2) private(last)
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 7; j++) {
                last = mine[i];
                w[i][j] = i + j * last;
            }
#pragma omp loop
        for (int i = 0; i < 5; i++) {
#pragma omp loop
            for (int j = 0; j < 5; j++)
                v[i * 5 + j] += 1;
        }
    }
#pragma omp parallel loop reduction(+ : sum) lastprivate(last)
    for (last = 0; last < 50; last++)
        sum += v[last];
    for (int i = 0; i < 42; i++)
        sum += w[i / 7][i % 7];
#pragma omp parallel for order(concurrent) reduction(+ : sum)
    for (int i = 0; i < 10; i++)
        sum += i;
    printf("%d %d\n", sum, last);
    return 0;
}
