/* The function outlined from a task construct, OpenMP 5.2 section 12.5. Given
 *     #pragma omp task firstprivate(f) shared(s) in_reduction(+ : r)
 *     BODY
 * we emit the function below, before the function that contains the construct. Shared locals of that function are reached through
 * pointers; a list item of in_reduction through a pointer to the thread's own copy.
 * Holes: $TASK the function; $CAPTURES local types, captured variables and copies; $BODY the structured block; $END the label to
 * which a cancellation leads, or nothing.
 */
static void $TASK(void **cape_env)
{
    $CAPTURES
    $BODY
    $END
}
