/* A histogram: many threads increment few counters, all on one page. */
#include <stdio.h>

int main(void)
{
    static int bins[37];
    long checksum = 0;
#pragma omp parallel for
    for (int i = 0; i < 20000; ++i) {
        unsigned h = (unsigned)i * 2654435761u;
#pragma omp atomic
        bins[(h >> 16) % 37]++;
    }
    for (int i = 0; i < 37; ++i)
        checksum = checksum * 31 + bins[i];
    printf("%ld\n", checksum);
    return 0;
}
