/* Constructs that may not stand directly inside teams, but may inside of distribute. */
#include <stdio.h>

int main(void)
{
    int sum = 0, count = 0, tasks = 0, masters = 0, singles = 0, loops = 0;
#pragma omp target teams distribute map(tofrom : sum, count)
    for (int i = 0; i < 100; i++) {
#pragma omp atomic
        sum += i;
#pragma omp critical
        count++;
    }
#pragma omp teams num_teams(2)
    {
#pragma omp distribute
        for (int i = 0; i < 50; i++) {
#pragma omp task shared(tasks)
#pragma omp atomic
            tasks++;
#pragma omp taskwait
#pragma omp flush
#pragma omp masked
#pragma omp atomic
            masters++;
#pragma omp single
            singles++;
#pragma omp barrier
#pragma omp for
            for (int k = 0; k < 3; k++)
                loops++;
#pragma omp parallel for reduction(+ : sum)
            for (int k = 0; k < 4; k++)
                sum += k;
        }
    }
    printf("%d %d %d %d %d %d\n", sum, count, tasks, masters, singles, loops);
    return 0;
}
