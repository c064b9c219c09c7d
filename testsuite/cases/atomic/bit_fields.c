/* Atomic constructs on bit-fields, which have no address. */
#include <stdio.h>

struct fields {
    unsigned low : 5, high : 20;
    int plain;
};
static struct fields global, *reached = &global;

int main(void)
{
    int odd = 0, seen = 0;
#pragma omp parallel for reduction(+ : odd)
    for (int i = 0; i < 200; i++) {
        unsigned old;
#pragma omp atomic
        global.high++;
#pragma omp atomic capture
        {
            old = reached->low;
            reached->low += 1;
        }
        odd += old & 1;
#pragma omp atomic
        global.plain += 2;
    }
#pragma omp atomic read
    seen = (reached)->high;
#pragma omp atomic write
    global.low = 9;
    printf("%u %u %d %d %d\n", global.low, global.high, global.plain, odd, seen);
    return 0;
}
