/* Target construct, OpenMP 5.2 section 13.8. Given
 *     #pragma omp target private(p) firstprivate(f) map(m) depend(in : d)
 *     BODY
 * we emit the block below: the host executes the region, on its own memory, so that maps are no-ops. Scalars and pointers that no
 * clause names are firstprivate. The target task is included: with depend it waits for the tasks it depends on.
 * Holes: $WAIT the wait or nothing; $LIMIT sets the limit of a thread_limit clause, $RESTORE sets it back; $ORIGINALS addresses of
 * the originals of firstprivate variables; $PRIVATES the copies; $BODY the structured block.
 */
{
    $WAIT
    $LIMIT
    $ORIGINALS
    {
        $PRIVATES
        $BODY
    }
    $RESTORE
}
