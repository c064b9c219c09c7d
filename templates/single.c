/* Single construct, OpenMP 5.2 section 11.1. Given
 *     #pragma omp single private(p) firstprivate(f)
 *     BODY
 * we emit the block below. Memory is published and caught up in the barrier, which nowait removes, and which is left to the
 * region where nothing else follows.
 * Holes: $SITE the construct's site; $ORIGINALS addresses of the originals of firstprivate variables; $PRIVATES the
 * copies; $BODY the structured block; $BARRIER the barrier or nothing.
 */
{
    $ORIGINALS
    if (cape_single(&$SITE)) {
        $PRIVATES
        $BODY
    }
    $BARRIER
}
