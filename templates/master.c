/* Master and masked constructs, OpenMP 5.2 section 10.5. Given
 *     #pragma omp master
 *     BODY
 * we emit the block below. No barrier is implied and no memory is published or caught up.
 * Holes: $BODY the structured block.
 */
{
    if (cape_master())
    $BODY
}
