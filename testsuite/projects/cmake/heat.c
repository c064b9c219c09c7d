#include "grid.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const int size = argc > 1 ? atoi(argv[1]) : 128;
    const int sweeps = argc > 2 ? atoi(argv[2]) : 100;
    const long cells = (long)size * size;
    struct grid grid;
    if (grid_create(&grid, size) != 0)
        return 2;
    stats_mean(grid.now, cells);
    for (int sweep = 0; sweep < sweeps; sweep++)
        grid_sweep(&grid);
    stats_mean(grid.now, cells);
    const double mean = stats_mean(grid.now, cells);
    printf("%d x %d, %d sweeps: mean %.6f, %ld surveys\n", size, size, sweeps, mean, stats_surveys);
    grid_destroy(&grid);
    return 0;
}
