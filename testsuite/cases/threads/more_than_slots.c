/* A team larger than the job has places is spread over the ranks; the same thread number is the same thread from region to region. */
#include <omp.h>
#include <stdio.h>

static int mine = -1;
#pragma omp threadprivate(mine)

int main(void)
{
    int wrong = 0, count = 0;
    long sum = 0;
    omp_set_dynamic(0);
#pragma omp parallel num_threads(9)
    mine = omp_get_thread_num() * 7;
    for (int round = 0; round < 20; ++round) {
#pragma omp parallel num_threads(9) reduction(+ : wrong, count, sum)
        {
            wrong += mine != omp_get_thread_num() * 7 || omp_get_num_threads() != 9;
            ++count;
#pragma omp barrier
#pragma omp for
            for (int i = 0; i < 90; ++i)
                sum += omp_get_thread_num();
        }
    }
    printf("%d %d %ld\n", wrong, count, sum);
    return 0;
}
