/* Task construct where it stands, OpenMP 5.2 section 12.5. Given
 *     #pragma omp task if(CONDITION) final(FINAL) priority(PRIORITY) depend(in : x) firstprivate(f) shared(s)
 *     BODY
 * we emit the block below; the body goes to a function of its own, see task-body.c. The runtime copies what is firstprivate. Memory is
 * published only if another rank takes the task; its writes are caught up where the task is waited for.
 * Holes: $SITE the construct's site; $TASK the outlined function; $DIMENSIONS sizes of variable-length arrays that are
 * captured, and bounds of reduced array sections; $ENVIRONMENT the arrays of captured addresses and of the sizes of what is copied, $ADDRESSES and $SIZES their names or null
 * pointers, $COUNT their number; $CLAUSES dependences and clauses; $GIVEN the address of the clauses or a null pointer.
 */
{
    $DIMENSIONS
    $ENVIRONMENT
    $CLAUSES
    cape_task(&$SITE, $TASK, $ADDRESSES, $SIZES, $COUNT, $GIVEN);
}
