/* A threadprivate variable keeps each thread's own value from region to region; serial code sees that of thread 0. */
#include <omp.h>
#include <stdio.h>

static int calls;
double table[300] = {1, 2, 3};
extern double table[300];
#pragma omp threadprivate(calls, table)

static int sum_of_table(void)
{
    double sum = 0;
    for (int i = 0; i < 300; ++i)
        sum += table[i];
    return (int)sum;
}

int main(void)
{
    int good = 0;
    for (int round = 1; round <= 3; ++round) {
#pragma omp parallel reduction(+ : good)
        {
            calls += 1;
            table[5] += omp_get_thread_num();
            good += calls == round && sum_of_table() == 6 + round * omp_get_thread_num();
        }
    }
    printf("%d calls, table %d, all good: %d\n", calls, sum_of_table(), good == 3 * omp_get_max_threads());
    return 0;
}
