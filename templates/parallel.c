/* Parallel construct where it stands, OpenMP 5.2 section 10.1. Given
 *     #pragma omp parallel num_threads(THREADS) if(CONDITION)
 *     BODY
 * we emit the block below; the body goes to a function of its own, see parallel-region.c. At entry the driver publishes and
 * every rank catches up; at exit the workers publish and the driver catches up.
 * Holes: $SITE the construct's site; $REGION the outlined function; $DIMENSIONS sizes of variable-length arrays that are
 * captured, and the values for copyin, in shared memory; $ENVIRONMENT the array of captured addresses, $ADDRESSES its name or a
 * null pointer, $COUNT their number;
 * $THREADS (0: not given) and $CONDITION (1: not given); $BIND the omp_proc_bind_t (-1: not given); $CLEANUP frees the values for copyin.
 */
{
    $DIMENSIONS
    $ENVIRONMENT
    cape_parallel(&$SITE, $REGION, $ADDRESSES, $COUNT, $THREADS, $CONDITION, $BIND);
    $CLEANUP
}
