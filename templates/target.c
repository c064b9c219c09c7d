/* Target construct, OpenMP 5.2 section 13.8. Given
 *     #pragma omp target private(p) firstprivate(f) map(m) depend(in : d) thread_limit(LIMIT)
 *     BODY
 * we emit the block below: the host executes the region, on its own memory, so that maps are no-ops. Scalars and pointers that no
 * clause names are firstprivate. The target task is included: with depend it waits for the tasks it depends on. What the block
 * executes in is an initial task of its own: no region encloses it, and its variables are those the program began with.
 * Holes: $WAIT the wait or nothing; $LIMIT what the thread_limit clause says, 0: not given; $ORIGINALS addresses of the originals of
 * firstprivate variables; $PRIVATES the copies; $BODY the structured block.
 */
{
    $WAIT
    $ORIGINALS
    cape_target_begin($LIMIT);
    {
        $PRIVATES
        $BODY
    }
    cape_target_end();
}
