/* Atomic counters and plainly written bytes side by side on one page. */
#include <omp.h>
#include <stdio.h>

static struct { unsigned char plain; unsigned char counter; } cell[64];

int main(void)
{
    int team = omp_get_max_threads();
#pragma omp parallel
    {
        int me = omp_get_thread_num();
        for (int i = 0; i < 64; ++i) {
#pragma omp atomic
            cell[i].counter += 1;
            cell[me].plain += 1;
        }
    }
    int wrong = 0;
    for (int i = 0; i < 64; ++i)
        wrong += cell[i].counter != team || cell[i].plain != (i < team ? 64 : 0);
    printf("%d\n", wrong);
    return 0;
}
