/* Depobj construct, OpenMP 5.2 section 15.9.4. Given
 *     #pragma omp depobj(OBJECT) depend(in : x)
 * we emit the block below.
 * Holes: $DEPENDS the dependence, for depend; $CALL the call.
 */
{
    $DEPENDS
    $CALL
}
