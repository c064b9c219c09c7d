/* Atomic construct in its general form, OpenMP 5.2 section 15.8.4. Given
 *     #pragma omp atomic [read | write | update | capture]
 *     STATEMENT
 * we emit the block below. Entering catches up, so that the statement sees the newest value; leaving publishes. The byte in
 * section cape_mixed makes the runtime do every atomic update of the program in the same way, so that all are exact.
 * Holes: $SITE the construct's site; $STATEMENT the statement.
 */
{
    static const char cape_mixed __attribute__((used, section("cape_mixed"))) = 0;
    cape_atomic_enter(&$SITE);
    $STATEMENT
    cape_atomic_exit(&$SITE);
}
