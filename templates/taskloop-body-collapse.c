/* The function outlined from a taskloop construct with collapse, OpenMP 5.2 sections 4.4.3 and 12.6. Given
 *     #pragma omp taskloop collapse(2)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         for (j = FIRST; j < BOUND; j += STRIDE)
 *             BODY
 * we emit the function below, which runs the logical iterations of one task: points of the nest, row by row as in for-collapse.c.
 * Holes: as in taskloop-body.c, and $COORDINATES sets all loop variables from cape_rest, $INNER is the number of the innermost
 * loop's iterations.
 */
static void $TASK(void **cape_env)
{
    $CAPTURES
    const struct cape_taskloop_chunk *const cape_chunk = cape_env[$COUNT];
    unsigned long long cape_point = cape_chunk->first;
    while (cape_point < cape_chunk->end) {
        unsigned long long cape_rest = cape_point, cape_index, cape_run = $INNER - cape_point % $INNER;
        $COORDINATES
        if (cape_run > cape_chunk->end - cape_point)
            cape_run = cape_chunk->end - cape_point;
        cape_point += cape_run;
        for (; cape_run; --cape_run, $MOVE)
        $BODY
    }
    $RESULTS
}
