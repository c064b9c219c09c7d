#include "events.h"

#define PRAGMA(x) _Pragma(#x)
#define PARALLEL_OVER_SERVERS PRAGMA(omp parallel for schedule(dynamic) private(k, waiting))

void servers_run(const struct customer *customers, int count, int servers, struct totals *totals)
{
    int server, k;
    long waiting;
    totals->busy = 0;
    totals->longest = 0;
    PARALLEL_OVER_SERVERS
    for (server = 0; server < servers; server++) {
        double busy = 0;
        waiting = -1;
        for (k = 0; k < count; k++) {
            if (customers[k].server == server) {
                busy += customers[k].service >= 1.0;
                waiting++;
            }
        }
#pragma omp critical
        {
            totals->busy += busy;
            if (waiting > totals->longest)
                totals->longest = waiting;
        }
    }
}
