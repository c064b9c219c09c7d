/* Ordered construct with a block, OpenMP 5.2 section 15.10.2. Given
 *     #pragma omp ordered
 *     BODY
 * we emit the block below, inside a loop that was begun with CAPE_ORDERED. Entering waits for the iterations before and catches up.
 * Holes: $SITE the construct's site; $BODY the structured block.
 */
{
    cape_ordered_enter(&$SITE);
    $BODY
    cape_ordered_exit(&$SITE);
}
