//# ranks: 2 4
//# skip-oracle
//# run-error: which serial code reopened as 'out.txt' on rank 0 only
/* Standard output that serial code reopened exists on rank 0 only: what another thread prints is not lost silently. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    if (freopen("out.txt", "w", stdout) == NULL)
        return 2;
    printf("serial\n");
#pragma omp parallel
    printf("thread %d\n", omp_get_thread_num());
    return 0;
}
