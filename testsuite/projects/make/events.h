#ifndef EVENTS_H
#define EVENTS_H

struct customer {
    int server;
    double service;
};

struct totals {
    double busy;
    long longest;
};

void events_draw(struct customer *customers, int count, int servers);
void servers_run(const struct customer *customers, int count, int servers, struct totals *totals);

/* draws.c: a number in [0, 1) for each key, always the same; and how many were drawn. */
double draw(unsigned key);
extern long draws_made;
#pragma omp threadprivate(draws_made)

#endif
