#include "grid.h"

#include <math.h>
#include <stdio.h>

int main(void)
{
    struct grid grid;
    if (grid_create(&grid, 40) != 0)
        return 2;
    double change = grid_sweep(&grid);
    if (change != 25.0 && change != 50.0) {
        fprintf(stderr, "the first sweep changes a cell by %g\n", change);
        return 1;
    }
    for (int sweep = 0; sweep < 200; sweep++) {
        const double next = grid_sweep(&grid);
        if (next > change) {
            fprintf(stderr, "sweep %d changes more than the one before: %g, %g\n", sweep, next, change);
            return 1;
        }
        change = next;
    }
    for (int row = 0; row < 40; row++) {
        for (int column = 0; column < 20; column++) {
            const double left = grid.now[row * 40 + column], right = grid.now[row * 40 + 39 - column];
            if (fabs(left - right) > 1e-9) {
                fprintf(stderr, "not symmetric in row %d: %g, %g\n", row, left, right);
                return 1;
            }
        }
    }
    grid_destroy(&grid);
    return 0;
}
