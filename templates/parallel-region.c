/* The function outlined from a parallel construct, OpenMP 5.2 section 10.1. Given
 *     #pragma omp parallel private(p) firstprivate(f) reduction(+ : r)
 *     BODY
 * we emit the function below, before the function that contains the construct. Locals of that function are reached through
 * pointers; those that the region only reads are copied at entry. Reductions take effect at the end of the region.
 * Holes: $REGION the function; $CAPTURES local types, captured variables and copies; $BODY the structured block; $RESULTS
 * reductions.
 */
static void $REGION(void **cape_env)
{
    $CAPTURES
    $BODY
    $RESULTS
}
