/* distribute in a function that teams calls, and outside of any teams. */
#include <stdio.h>

static int count[30];

static void spread(int n)
{
#pragma omp distribute
    for (int i = 0; i < n; i++)
        count[i]++;
#pragma omp distribute parallel for
    for (int i = 0; i < n; i++)
        count[i] += 2;
}

int main(void)
{
#pragma omp teams num_teams(3)
    spread(30);
    int sum = 0;
    for (int i = 0; i < 30; i++)
        sum += count[i];
    printf("%d\n", sum);
    return 0;
}
