#include "stats.h"

#include <math.h>

enum { BINS = 8 };

long stats_surveys = 0;
double stats_history[16];
static long bins[BINS];

double stats_mean(const double *values, long count)
{
    double sum = 0.0;
#pragma omp parallel for reduction(+ : sum)
    for (long k = 0; k < count; k++)
        sum += values[k];
    const double mean = sum / (double)count;
    stats_history[stats_surveys++ % 16] = mean;
    return mean;
}

const long *stats_histogram(const double *values, long count, double low, double high)
{
#pragma omp parallel
    {
#pragma omp for
        for (int bin = 0; bin < BINS; bin++)
            bins[bin] = 0;
#pragma omp for
        for (long k = 0; k < count; k++) {
            const double place = floor((values[k] - low) / (high - low) * BINS);
            if (place >= 0 && place < BINS) {
#pragma omp atomic
                bins[(int)place]++;
            }
        }
    }
    return bins;
}
