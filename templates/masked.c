/* Masked construct with a filter, OpenMP 5.2 section 10.5. Given
 *     #pragma omp masked filter(FILTER)
 *     BODY
 * we emit the block below. No barrier is implied and no memory is published or caught up.
 * Holes: $FILTER the thread number; $BODY the structured block.
 */
{
    if (cape_masked($FILTER))
    $BODY
}
