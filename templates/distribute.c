/* Distribute construct over a worksharing loop, OpenMP 5.2 section 17.6. Given
 *     #pragma omp distribute parallel for dist_schedule(static, CHUNK)
 *     LOOP
 * we emit the block below, inside the parallel region of each team: every thread of the team is given the same shares of the
 * iterations, and each share is divided among them as for.c does it.
 * Holes: $SITE the construct's site; $BOUNDS the number of iterations cape_count, and what it is computed from; $CHUNK, 0: not given;
 * $LOOP the worksharing loop over cape_share.
 */
{
    $BOUNDS
    struct cape_loop cape_share;
    cape_loop_begin(&cape_share, &$SITE, cape_count, CAPE_DISTRIBUTE, $CHUNK);
    while (cape_loop_next(&cape_share))
    $LOOP
    cape_loop_end(&cape_share);
}
