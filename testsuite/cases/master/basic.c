/* master: thread 0 only, and no barrier. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int who = -1, count = 0, seen = 0;
#pragma omp parallel reduction(+ : seen)
    {
#pragma omp master
        {
            who = omp_get_thread_num();
            ++count;
        }
#pragma omp barrier
        seen += who == 0 && count == 1;
    }
#pragma omp master
    count += 10;
    printf("%d %d %d\n", who, count, seen == omp_get_max_threads());
    return 0;
}
