#include "events.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const int servers = argc > 1 ? atoi(argv[1]) : 8, count = argc > 2 ? atoi(argv[2]) : 1000;
    struct customer *customers = malloc((size_t)count * sizeof *customers);
    struct totals totals;
    long drawn = 0;
    events_draw(customers, count, servers);
#pragma omp parallel reduction(+ : drawn)
    drawn += draws_made;
    if (drawn != count) {
        fprintf(stderr, "%ld draws for %d customers\n", drawn, count);
        return 1;
    }
    servers_run(customers, count, servers, &totals);
    printf("%d servers, %d customers: busy %.1f %%, longest queue %ld\n", servers, count, 100.0 * totals.busy / count, totals.longest);
    free(customers);
    return 0;
}
