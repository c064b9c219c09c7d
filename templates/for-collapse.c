/* Worksharing-loop construct with collapse, OpenMP 5.2 sections 4.4.3 and 11.5.1. Given
 *     #pragma omp for collapse(2)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         for (j = FIRST; j < BOUND; j += STRIDE)
 *             BODY
 * we emit the block below. A logical iteration is a point of the nest; the nest's coordinates are computed once for each
 * row of the innermost loop, which counts down as in for.c. Results and memory: as in for.c.
 * Holes: as in for.c, and $COORDINATES sets all loop variables from cape_rest, $INNER is the number of the innermost
 * loop's iterations.
 */
{
    $ORIGINALS
    $BOUNDS
    struct cape_loop cape_chunk;
    {
        $PRIVATES
        cape_loop_begin(&cape_chunk, &$SITE, $TOTAL, $SCHEDULE, $CHUNK);
        $DOACROSS
        while ($NEXT) {
            unsigned long long cape_point = cape_chunk.first;
            while (cape_point < cape_chunk.end) {
                unsigned long long cape_rest = cape_point, cape_index, cape_run = $INNER - cape_point % $INNER;
                $COORDINATES
                if (cape_run > cape_chunk.end - cape_point)
                    cape_run = cape_chunk.end - cape_point;
                cape_point += cape_run;
                $START
                $LOOP
                $BODY
            }
        }
        $RESULTS
        cape_loop_end(&cape_chunk);
    }
    $BARRIER
}
