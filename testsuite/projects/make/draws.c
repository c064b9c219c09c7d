#include "events.h"

long draws_made;
static unsigned seeds[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};

double draw(unsigned key)
{
    unsigned state = key * 2654435761u + seeds[key % 16];
    draws_made++;
    state ^= state >> 15;
    return (state & 0xffff) / 65536.0;
}
