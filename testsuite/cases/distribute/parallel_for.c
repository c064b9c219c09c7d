/* distribute parallel for in all of its forms: every iteration is executed once. */
#include <omp.h>
#include <stdio.h>

#define N 101

int main(void)
{
    int count[N] = {0}, sum = 0, last = -1, k = 3;
#pragma omp teams num_teams(3)
#pragma omp distribute parallel for
    for (int i = 0; i < N; i++)
        count[i]++;
#pragma omp teams distribute parallel for num_teams(2) reduction(+ : sum) firstprivate(k)
    for (int i = 0; i < N; i++)
        sum += k * i;
#pragma omp teams distribute parallel for lastprivate(last) schedule(static, 5) dist_schedule(static, 20)
    for (int i = 0; i < N; i++) {
        last = i;
        count[i]++;
    }
#pragma omp target teams distribute parallel for map(tofrom : count) collapse(2) num_threads(3) if (parallel : k > 2)
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++)
            count[10 * i + j]++;
#pragma omp teams
#pragma omp distribute parallel for schedule(dynamic, 4) private(k)
    for (int i = N - 1; i >= 0; i -= 2) {
        k = i;
        count[k]++;
    }
    int total = 0;
    for (int i = 0; i < N; i++)
        total += count[i] * (i + 1);
    printf("%d %d %d %d\n", total, sum, last, k);
    return 0;
}
