#include "events.h"

void events_draw(struct customer *customers, int count, int servers)
{
    int k;
#pragma omp parallel for schedule(guided, 16)
    for (k = 0; k < count; k++) {
        customers[k].server = k % servers;
        customers[k].service = 1.0 + draw((unsigned)k);
    }
}
