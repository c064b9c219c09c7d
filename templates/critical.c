/* Critical construct, OpenMP 5.2 section 15.2. Given
 *     #pragma omp critical(NAME)
 *     BODY
 * we emit the block below, and CAPE_CRITICAL(LOCK); before the function. Entering catches up to the lock's last release, leaving
 * publishes.
 * Holes: $SITE the construct's site; $LOCK the lock of all criticals of this name; $BODY the structured block.
 */
{
    cape_critical_enter(&$SITE, &$LOCK);
    $BODY
    cape_critical_exit(&$SITE, &$LOCK);
}
