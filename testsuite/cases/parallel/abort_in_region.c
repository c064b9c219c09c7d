//# exit: 134
//# skip-oracle
/* abort() in a region, by the last thread: death by SIGABRT, whoever the rank is. */
#include <omp.h>
#include <stdlib.h>

int main(void)
{
#pragma omp parallel
    {
        if (omp_get_thread_num() == omp_get_num_threads() - 1)
            abort();
#pragma omp barrier
    }
    return 0;
}
