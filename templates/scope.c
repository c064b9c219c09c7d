/* Scope construct, OpenMP 5.2 section 11.2. Given
 *     #pragma omp scope private(p) firstprivate(f) reduction(+ : r)
 *     BODY
 * we emit the block below. Reductions take effect at the barrier (with nowait: at the next one), where memory is published and
 * caught up.
 * Holes: $ORIGINALS addresses of the originals; $PRIVATES the copies; $BODY the structured block; $RESULTS reductions; $BARRIER the
 * barrier or nothing.
 */
{
    $ORIGINALS
    {
        $PRIVATES
        $BODY
        $RESULTS
    }
    $BARRIER
}
