/* taskgroups and what they wait for; taskloop with and without them; a task reduction. */
#include <stdio.h>

static int marks[100];

static void descend(int k)
{
    marks[k] += 1;
    if (k % 10 != 9) {
#pragma omp task
        descend(k + 1);
    }
}

int main(void)
{
    int wrong = 0, sum = 0, last = -1;
    static int x[1000];
#pragma omp parallel
#pragma omp single
    {
        for (int round = 1; round <= 5; ++round) {
#pragma omp taskgroup
            {
                for (int k = 0; k < 100; k += 10) {
#pragma omp task
                    descend(k);
                }
            }
            for (int k = 0; k < 100; ++k)
                wrong += marks[k] != round;
        }
#pragma omp taskloop grainsize(37)
        for (int i = 0; i < 1000; ++i)
            x[i] = i;
        for (int i = 0; i < 1000; ++i)
            wrong += x[i] != i;
#pragma omp taskgroup task_reduction(+ : sum)
        {
            for (int i = 0; i < 1000; i += 100) {
#pragma omp task in_reduction(+ : sum) firstprivate(i)
                for (int j = i; j < i + 100; ++j)
                    sum += x[j];
            }
        }
#pragma omp taskloop num_tasks(7) lastprivate(last) nogroup
        for (int i = 0; i < 50; ++i)
            last = i * x[i];
#pragma omp taskwait
    }
    printf("%d %d %d\n", wrong, sum, last);
    return 0;
}
