#ifndef STATS_H
#define STATS_H

/* How many surveys there have been, and the mean that each found. */
extern long stats_surveys;
extern double stats_history[16];

double stats_mean(const double *values, long count);
/* Counts values into bins of equal width over [low, high); the bins are the library's. */
const long *stats_histogram(const double *values, long count, double low, double high);

#endif
