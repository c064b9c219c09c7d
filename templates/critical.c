/* Critical construct, OpenMP 5.2 section 15.2. Given
 *     #pragma omp critical(NAME)
 *     BODY
 * we emit the block below. Entering catches up to the lock's last release, leaving publishes.
 * Holes: $SITE the construct's site; $NAME the critical's name, empty for the unnamed one; $BODY the structured block.
 */
{
    cape_critical_enter(&$SITE, "$NAME");
    $BODY
    cape_critical_exit(&$SITE, "$NAME");
}
