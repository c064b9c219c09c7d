/* Atomic construct in its general form, OpenMP 5.2 section 15.8.4. Given
 *     #pragma omp atomic [read | write | update | capture]
 *     STATEMENT
 * we emit the block below. Entering catches up, so that the statement sees the newest value; leaving publishes.
 * Holes: $SITE the construct's site; $TARGET the lvalue that is accessed; $STATEMENT the statement.
 */
{
    cape_atomic_enter(&$SITE, (void *)&($TARGET));
    $STATEMENT
    cape_atomic_exit(&$SITE, (void *)&($TARGET));
}
