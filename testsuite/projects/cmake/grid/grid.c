#include "grid.h"

#include <math.h>
#include <stdlib.h>

int grid_create(struct grid *grid, int size)
{
    const size_t cells = (size_t)size * (size_t)size;
    grid->size = size;
    grid->now = calloc(cells, sizeof *grid->now);
    grid->next = calloc(cells, sizeof *grid->next);
    if (!grid->now || !grid->next)
        return -1;
#pragma omp parallel for
    for (int column = 0; column < size; column++)
        grid->now[column] = grid->next[column] = 100.0;
    return 0;
}

void grid_destroy(struct grid *grid)
{
    free(grid->now);
    free(grid->next);
}

double grid_sweep(struct grid *grid)
{
    const int size = grid->size;
    const double *now = grid->now;
    double *next = grid->next;
    double change = 0.0;
#pragma omp parallel for collapse(2) reduction(max : change) schedule(static)
    for (int row = 1; row < size - 1; row++) {
        for (int column = 1; column < size - 1; column++) {
            const int at = row * size + column;
            next[at] = 0.25 * (now[at - 1] + now[at + 1] + now[at - size] + now[at + size]);
            change = fmax(change, fabs(next[at] - now[at]));
        }
    }
    grid->next = grid->now;
    grid->now = next;
    return change;
}
