/* Atomic construct on a bit-field, OpenMP 5.2 section 15.8.4. Given
 *     #pragma omp atomic [read | write | update | capture | compare]
 *     STATEMENT
 * whose lvalue is a bit-field, which has neither an address nor a type of its own, we emit the block below: the statement itself, under
 * the runtime's lock; entering catches up, leaving publishes. The byte in section cape_mixed is as in atomic.c.
 * Holes: $SITE the construct's site; $STATEMENT the user's statement.
 */
{
    static const char cape_mixed __attribute__((used, section("cape_mixed"))) = 0;
    cape_atomic_enter(&$SITE, CAPE_ATOMIC_CHANGE);
    $STATEMENT
    cape_atomic_exit(&$SITE, CAPE_ATOMIC_CHANGE);
}
