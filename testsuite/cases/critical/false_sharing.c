/* Bytes of one page changed in two criticals of different names at the same time. */
#include <omp.h>
#include <stdio.h>

static unsigned char page[4096];

int main(void)
{
    int team = omp_get_max_threads();
#pragma omp parallel
    for (int i = 0; i < 64; ++i) {
#pragma omp critical(even)
        page[i * 2] += 1;
#pragma omp critical(odd)
        page[i * 2 + 1] += 2;
        page[2048 + omp_get_thread_num()] += 1;
    }
    int wrong = 0;
    for (int i = 0; i < 64; ++i)
        wrong += page[2 * i] != team || page[2 * i + 1] != 2 * team || page[2048 + i] != (i < team ? 64 : 0);
    printf("%d\n", wrong);
    return 0;
}
