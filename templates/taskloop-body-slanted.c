/* The function outlined from a taskloop construct over loops whose bounds depend on each other, OpenMP 5.2 sections 4.4.4 and 12.6. Given
 *     #pragma omp taskloop collapse(2)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         for (j = i; j < BOUND; j += STRIDE)
 *             BODY
 * we emit the function below, which runs the logical iterations of one task: it goes through the rows of the innermost loop, as
 * for-triangular.c does, and runs those points that are in its chunk.
 * Holes: as in taskloop-body.c, and $NAMES declares the rows' bounds; $ROWS the outer loops, which compute them; $END their braces;
 * $INNER is the number of the row's points; $START sets the innermost loop's variable for point cape_first of the row.
 */
static void $TASK(void **cape_env)
{
    $CAPTURES
    const struct cape_taskloop_chunk *const cape_chunk = cape_env[$COUNT];
    unsigned long long cape_row = 0;
    $NAMES
    $ROWS
    if (cape_row + $INNER > cape_chunk->first && cape_row < cape_chunk->end) {
        const unsigned long long cape_first = cape_chunk->first > cape_row ? cape_chunk->first - cape_row : 0;
        const unsigned long long cape_point = cape_chunk->end < cape_row + $INNER ? cape_chunk->end - cape_row : $INNER;
        unsigned long long cape_run = cape_point - cape_first;
        $START
        for (; cape_run; --cape_run, $MOVE)
        $BODY
    }
    cape_row += $INNER;
    $END
    $RESULTS
}
