//# caperun: --heap-size 64M
/* A small heap suffices for a small program, and memory that was freed is used again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    int failed = 0;
    for (int round = 0; round < 30; ++round) {
#pragma omp parallel for reduction(+ : failed)
        for (int i = 0; i < 8; ++i) {
            char *p = malloc(2 << 20);
            if (p) {
                memset(p, i, 2000);
                failed += p[1999] != i;
            } else {
                ++failed;
            }
            free(p);
        }
    }
    printf("%d\n", failed);
    return 0;
}
