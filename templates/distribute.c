/* Distribute construct over a worksharing loop, OpenMP 5.2 section 17.6. Given
 *     #pragma omp distribute parallel for dist_schedule(static, CHUNK)
 *     LOOP
 * we emit the block below, inside the parallel region of each team: every thread of the team is given the same shares of the
 * iterations, and each share is divided among them as for.c does it.
 * Holes: $SITE the construct's site; $BOUNDS first values, bounds and counts of the loops; $COUNT the number of iterations (1 for a nest
 * whose bounds depend on each other: the first team executes all of it); $CHUNK, 0: not given;
 * $LOOP the worksharing loop over cape_share.
 */
{
    $BOUNDS
    struct cape_loop cape_share;
    cape_loop_begin(&cape_share, &$SITE, $COUNT, CAPE_DISTRIBUTE, $CHUNK);
    while (cape_loop_next(&cape_share))
    $LOOP
    cape_loop_end(&cape_share);
}
