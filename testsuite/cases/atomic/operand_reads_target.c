/* Operands that read what is updated: as in other compilers they get the newest value, where nobody interferes. */
#include <omp.h>
#include <stdio.h>

static struct {
    long value, other;
} pair = {1, 1};

int main(void)
{
    long data = 1, many[2] = {1, 1};
#pragma omp parallel num_threads(4)
    for (int turn = 0; turn < 4; turn++) {
        if (turn == omp_get_thread_num()) {
#pragma omp atomic
            data += data * 2;
#pragma omp atomic
            many[1] = many[1] + (many[1] + 1);
#pragma omp atomic update
            pair.value *= pair.value + 1;
        }
#pragma omp barrier
    }
    long other = 0;
#pragma omp parallel num_threads(4)
    {
#pragma omp atomic
        other += pair.other;
    }
    printf("%ld %ld %ld %ld\n", data, many[1], pair.value, other);
    return 0;
}
