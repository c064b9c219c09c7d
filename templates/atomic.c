/* Atomic construct in its general form, OpenMP 5.2 section 15.8.4. Given
 *     #pragma omp atomic [read | write | update | capture | compare]
 *     STATEMENT
 * we emit the block below. In a job of one rank, and where the processor can exchange the lvalue's type, the statement works on a copy of
 * the newest value, again until nobody else has changed that meanwhile. Elsewhere it works on the lvalue itself, under the runtime's
 * lock: entering catches up, leaving publishes. The byte in section cape_mixed makes the runtime do every atomic update of the program
 * in the same way, so that all are exact.
 * Holes: $SITE the construct's site; $TARGET the lvalue; $OPERAND the definition of cape_operand, if the statement has such an operand;
 * $ORDER memory order, CAPE_RELAXED or CAPE_SEQ_CST, which serves for all others; $KIND what the construct does, as in cape.h; $PRIVATE the statement on cape_new; $SHARED on *cape_target.
 */
{
    static const char cape_mixed __attribute__((used, section("cape_mixed"))) = 0;
    __typeof__($TARGET) *const cape_target = &($TARGET);
    $OPERAND
    if (cape_alone && CAPE_LOCK_FREE(*cape_target)) {
        __typeof__(*cape_target) cape_new;
        unsigned long long cape_old;
        cape_atomic_load((const volatile void *)cape_target, &cape_old, sizeof cape_new, $ORDER);
        do {
            __builtin_memcpy((void *)&cape_new, &cape_old, sizeof cape_new);
            $PRIVATE
        } while (!cape_atomic_replace((volatile void *)cape_target, &cape_old, (const void *)&cape_new, sizeof cape_new, $ORDER));
    } else {
        const int cape_kind = CAPE_LOCK_FREE(*cape_target) ? $KIND : CAPE_ATOMIC_CHANGE;
        cape_atomic_enter(&$SITE, cape_kind);
        $SHARED
        cape_atomic_exit(&$SITE, cape_kind);
    }
}
