#ifndef GRID_H
#define GRID_H

struct grid {
    int size;
    double *now, *next;
};

int grid_create(struct grid *grid, int size);
void grid_destroy(struct grid *grid);
/* One Jacobi step; returns the largest change. */
double grid_sweep(struct grid *grid);

#endif
