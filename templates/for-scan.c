/* Worksharing-loop construct with an inclusive or exclusive scan, OpenMP 5.2 sections 5.6 and 11.5.1. Given
 *     #pragma omp for reduction(inscan, + : x)
 *     for (i = FIRST; i < BOUND; i += STRIDE) { INPUT; #pragma omp scan inclusive(x) \n SCAN; }
 * we emit the block below. Each thread has one block of iterations, and runs it twice: for the input phase, which leaves each
 * iteration's x in memory of the thread's own, and, once the values of earlier threads are known, for the scan phase.
 * Holes: as in for.c, and $POINT sets the loop variables from cape_point; $SCRATCH memory for each iteration's values; $FRESH gives
 * x its first value; $INPUT, $SCAN the phases; $KEEP stores an iteration's x and adds it to the block's; $PREFIX starts with the
 * original and the values of earlier threads; $BEFORE and $AFTER surround the scan phase; $FREE gives the memory back.
 */
{
    $ORIGINALS
    $BOUNDS
    struct cape_loop cape_chunk;
    {
        unsigned long long cape_begin = 0, cape_end = 0, cape_point;
        $PRIVATES
        cape_loop_begin(&cape_chunk, &$SITE, cape_count, CAPE_STATIC, 0);
        if (cape_loop_next(&cape_chunk)) {
            cape_begin = cape_chunk.first;
            cape_end = cape_chunk.end;
        }
        $SCRATCH
        for (cape_point = cape_begin; cape_point < cape_end; ++cape_point) {
            $POINT
            $FRESH
            { $INPUT }
            $KEEP
        }
        $PREFIX
        for (cape_point = cape_begin; cape_point < cape_end; ++cape_point) {
            $POINT
            $BEFORE
            { $SCAN }
            $AFTER
        }
        $FREE
        $RESULTS
        cape_loop_end(&cape_chunk);
    }
    $BARRIER
}
