/* master taskloop, parallel master taskloop, parallel masked taskloop, with clauses for each constituent. */
#include <stdio.h>

int main(void)
{
    int cells[30] = {0}, sum = 0, last = 0, base = 2;
#pragma omp parallel
    {
#pragma omp master taskloop grainsize(2)
        for (int i = 0; i < 30; ++i)
            cells[i] += i;
#pragma omp barrier
#pragma omp masked taskloop
        for (int i = 0; i < 30; ++i)
            cells[i] += 1;
    }
#pragma omp parallel master taskloop firstprivate(base) shared(cells) num_tasks(6) default(none)
    for (int i = 0; i < 30; ++i)
        cells[i] += base;
#pragma omp parallel masked taskloop reduction(+ : sum) lastprivate(last) if (parallel : base > 1)
    for (int i = 0; i < 30; ++i) {
        sum += cells[i];
        last = i;
    }
    printf("%d %d\n", sum, last);
    return 0;
}
