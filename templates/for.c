/* Worksharing-loop construct, OpenMP 5.2 section 11.5.1. Given
 *     #pragma omp for private(p) lastprivate(l) reduction(+ : r) schedule(SCHEDULE, CHUNK)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         BODY
 * we emit the block below. The bounds are evaluated once; the loop that runs a chunk counts down, so that the host
 * compiler knows its trip count and the variable cannot overflow. Results take effect at the barrier (with nowait, or
 * at the end of a region: at the next one), where memory is published and caught up.
 * Holes: $SITE the construct's site; $ORIGINALS addresses of the originals; $BOUNDS first value, bound, stride and the
 * number of iterations cape_count; $PRIVATES the copies, the loop variable among them; $SCHEDULE and $CHUNK; $START sets
 * the loop variable for the chunk; $DOACROSS tells the lengths of the loops of ordered(n); $LOOP the header of the loop that runs
 * the chunk; $BODY the loop's body; $RESULTS reductions and last values; $BARRIER the barrier or nothing.
 * $TOTAL the number of iterations to divide, and $NEXT the call that gives the next chunk of them (distribute.c has its own).
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
            unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
            $START
            $LOOP
            $BODY
        }
        $RESULTS
        cape_loop_end(&cape_chunk);
    }
    $BARRIER
}
