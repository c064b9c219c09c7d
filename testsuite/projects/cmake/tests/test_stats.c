#include "stats.h"

#include <stdio.h>

enum { COUNT = 8000 };

static double values[COUNT];

int main(void)
{
#pragma omp parallel for
    for (int k = 0; k < COUNT; k++) {
        values[k] = k % 8 + 0.5;
        if (k == COUNT - 1)
            stats_history[15] = -1.0; /* the library's variable, written in a region of the program */
    }
    const double mean = stats_mean(values, COUNT);
    const long *bins = stats_histogram(values, COUNT, 0.0, 8.0);
    for (int bin = 0; bin < 8; bin++) {
        if (bins[bin] != COUNT / 8) {
            fprintf(stderr, "bin %d holds %ld\n", bin, bins[bin]);
            return 1;
        }
    }
    if (mean != 4.0 || stats_surveys != 1 || stats_history[0] != 4.0 || stats_history[15] != -1.0) {
        fprintf(stderr, "mean %g, %ld surveys, history %g %g\n", mean, stats_surveys, stats_history[0], stats_history[15]);
        return 1;
    }
    return 0;
}
