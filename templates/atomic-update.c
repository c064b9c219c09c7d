/* Atomic update with a commutative operator, OpenMP 5.2 section 15.8.4. Given
 *     #pragma omp atomic
 *     TARGET OP= OPERAND;
 * we emit the block below. In a job of one rank the processor does it where it can. In others, where the types allow it (a constant
 * expression), the update travels as an operation, and no memory is published; otherwise it is done on the newest value under the
 * runtime's lock, and the byte in section cape_mixed makes the runtime do every atomic update of the program in this way.
 * Holes: $SITE the construct's site; $TARGET the updated lvalue; $OPERAND its operand; $NAME the operator's name in cape.h;
 * $SIGN a minus where the operand is subtracted; $OPERATOR the assignment operator.
 */
{
    __typeof__($TARGET) *const cape_target = &($TARGET);
    const __typeof__(($OPERAND) + 0) cape_operand = ($OPERAND);
    if (cape_alone && CAPE_LOCK_FREE(*cape_target)) {
        if (CAPE_INTEGERS(*cape_target, cape_operand)) {
            cape_fetch_$NAME((volatile void *)cape_target, $SIGN(unsigned long long)cape_operand, sizeof *cape_target);
        } else {
            __typeof__(*cape_target) cape_new;
            unsigned long long cape_old;
            cape_atomic_load((const volatile void *)cape_target, &cape_old, sizeof cape_new, CAPE_RELAXED);
            do {
                __builtin_memcpy((void *)&cape_new, &cape_old, sizeof cape_new);
                cape_new $OPERATOR cape_operand;
            } while (!cape_atomic_replace((volatile void *)cape_target, &cape_old, (const void *)&cape_new, sizeof cape_new, CAPE_RELAXED));
        }
    } else if (CAPE_COMMUTES(*cape_target, cape_operand)) {
        const __typeof__(*cape_target) cape_converted = $SIGN(__typeof__(*cape_target))cape_operand;
        cape_atomic_update((void *)cape_target, (const void *)&cape_converted, sizeof *cape_target, CAPE_OPERATION($NAME, *cape_target));
    } else {
        static const char cape_mixed[!CAPE_COMMUTES(*cape_target, cape_operand)] __attribute__((used, section("cape_mixed"))) = {};
        cape_atomic_enter(&$SITE, CAPE_ATOMIC_CHANGE);
        *cape_target $OPERATOR cape_operand;
        cape_atomic_exit(&$SITE, CAPE_ATOMIC_CHANGE);
    }
}
