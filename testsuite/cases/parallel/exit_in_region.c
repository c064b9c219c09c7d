//# exit: 3
/* exit() inside a region, from the last thread: its status is the job's. */
#include <omp.h>
#include <stdlib.h>

int main(void)
{
#pragma omp parallel
    {
        if (omp_get_thread_num() == omp_get_num_threads() - 1)
            exit(3);
#pragma omp barrier
    }
    return 0;
}
