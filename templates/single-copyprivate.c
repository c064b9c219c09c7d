/* Single construct with copyprivate, OpenMP 5.2 sections 5.7.2 and 11.1. Given
 *     #pragma omp single private(p) copyprivate(c)
 *     BODY
 * we emit the block below. The values travel as a message in the place of the barrier, which is where memory is published and caught up.
 * Holes: $SITE the construct's site; $ORIGINALS and $PRIVATES as in single.c; $BODY the structured block; $VALUES the arrays of
 * addresses and sizes of the list items; $COUNT their number.
 */
{
    const int cape_executed = cape_single(&$SITE);
    $ORIGINALS
    if (cape_executed) {
        $PRIVATES
        $BODY
    }
    {
        $VALUES
        cape_copyprivate(&$SITE, cape_executed, $COUNT, cape_values, cape_sizes);
    }
}
