//# skip-oracle
/* The same sum of rounded doubles has the same bits each time: partial results are combined in the order of the threads. */
#include <stdio.h>

int main(void)
{
    double first = 0;
    for (int round = 0; round < 20; ++round) {
        double sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
        for (int i = 1; i < 3000; ++i)
            sum += 1.0 / i;
        if (round == 0)
            first = sum;
        if (sum != first)
            return printf("round %d: %a, not %a\n", round, sum, first), 1;
    }
    return 0;
}
