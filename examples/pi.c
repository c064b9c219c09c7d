/* pi: the area under 4 / (1 + x^2) between 0 and 1, by the midpoint rule and a reduction.
 *
 * The smallest useful OpenMP program: nothing is shared but the sum, so a region costs one message each way.
 *
 * Build and run:  capec -O3 pi.c -o pi && caperun -n 4 ./pi 20000000
 * The argument is the number of intervals (default 20 million).
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    long intervals = argc > 1 ? atol(argv[1]) : 20000000;
    if (intervals < 1) {
        fprintf(stderr, "pi: needs at least one interval\n");
        return 2;
    }
    const double width = 1.0 / (double)intervals;
    double sum = 0.0, start = omp_get_wtime();

#pragma omp parallel for default(none) shared(intervals) firstprivate(width) reduction(+ : sum)
    for (long i = 0; i < intervals; i++) {
        double x = ((double)i + 0.5) * width;
        sum += 4.0 / (1.0 + x * x);
    }

    fprintf(stderr, "pi: %.3f s\n", omp_get_wtime() - start);
    printf("pi is about %.10f\n", sum * width);
    return 0;
}
