/* The function outlined from a taskloop construct, OpenMP 5.2 section 12.6. Given
 *     #pragma omp taskloop private(p) lastprivate(l)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         BODY
 * we emit the function below, which runs the logical iterations of one task; the loop counts down as in for.c.
 * Holes: $TASK the function; $CAPTURES local types, captured variables, bounds and copies; $COUNT the number of captures;
 * $START sets the loop variable for the chunk; $MOVE steps it; $BODY the loop's body; $RESULTS last values.
 */
static void $TASK(void **cape_env)
{
    $CAPTURES
    const struct cape_taskloop_chunk *const cape_chunk = cape_env[$COUNT];
    {
        unsigned long long cape_run = cape_chunk->end - cape_chunk->first;
        $START
        for (; cape_run; --cape_run, $MOVE)
        $BODY
    }
    $RESULTS
}
