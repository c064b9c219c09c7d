/* target teams, and its combined forms with private copies on each level. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int n = 50, sum = 0, a[50], s = 1;
#pragma omp target teams map(tofrom : sum) num_teams(2) reduction(+ : sum) firstprivate(s)
    {
        s += 1;
        sum += s / 2;
    }
    printf("%d\n", sum >= 1);
#pragma omp target teams distribute map(from : a)
    for (int i = 0; i < n; i++)
        a[i] = i;
    sum = 0;
#pragma omp target teams distribute parallel for map(tofrom : sum) map(to : a) reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += a[i];
    printf("%d %d\n", sum, s);
    return 0;
}
