/* nothing, assumes, requires and the properties they state change nothing; neither does unroll, which gcc ignores. */
//# cflags: -Wno-unknown-pragmas
#include <stdio.h>

#pragma omp requires dynamic_allocators
#pragma omp requires atomic_default_mem_order(seq_cst)

int main(void)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 10; i++) {
        sum += i;
    }
    if (sum)
        sum++;
    printf("%d\n", sum);
    return 0;
}
