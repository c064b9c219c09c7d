/* Reductions of globals and statics, in the construct and by functions. */
#include <stdio.h>

static int total = 7;
static int peek(void) { return total; }

int main(void)
{
    static double mean = 0.5;
    int seen = 0;
#pragma omp parallel reduction(max : seen)
    {
        seen = peek();
#pragma omp barrier
#pragma omp for reduction(+ : total, mean)
        for (int i = 0; i < 64; ++i) {
            total += i;
            mean += 0.25;
        }
    }
    printf("%d %g %d\n", total, mean, seen);
    return 0;
}
