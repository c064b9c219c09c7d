/* Two names, the unnamed one and one critical inside another: each protects its own data. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int a = 0, b = 0, c = 0, both = 0, team = omp_get_max_threads();
#pragma omp parallel
    for (int i = 0; i < 30; ++i) {
#pragma omp critical(first)
        a += 1;
#pragma omp critical(second)
        b += 2;
#pragma omp critical
        c += 3;
#pragma omp critical(first)
        {
            a += 1;
#pragma omp critical(second)
            {
                b -= 1;
                both += 1;
            }
        }
    }
    printf("%d %d %d %d\n", a == 60 * team, b == 30 * team, c == 90 * team, both == 30 * team);
    return 0;
}
