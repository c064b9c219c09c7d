/* Worksharing-loop construct over loops whose bounds depend on each other, OpenMP 5.2 sections 4.4.4 and 11.5.1. Given
 *     #pragma omp for collapse(2)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         for (j = i; j < BOUND; j += STRIDE)
 *             BODY
 * we emit the block below. The rows of the innermost loop are enumerated twice: to count the iterations, and to run those that
 * fall into the chunks, which come in increasing order. Results and memory: as in for.c.
 * Holes: as in for.c, and $INDICES logical numbers of the outer loops' iterations; $COUNTING and $ROWS the outer loops, which
 * compute the innermost one's bounds; $END their braces; $INNER the number of iterations of the row.
 */
{
    $ORIGINALS
    $BOUNDS
    unsigned long long cape_count = 0, cape_row = 0, $INDICES;
    struct cape_loop cape_chunk;
    {
        int cape_more = 1;
        $PRIVATES
        $COUNTING
        cape_count += $INNER;
        $END
        cape_loop_begin(&cape_chunk, &$SITE, $TOTAL, $SCHEDULE, $CHUNK);
        cape_more = $NEXT;
        $ROWS
        while (cape_more && cape_chunk.first < cape_row + $INNER) {
            const unsigned long long cape_first = cape_chunk.first > cape_row ? cape_chunk.first - cape_row : 0;
            const unsigned long long cape_point = cape_chunk.end < cape_row + $INNER ? cape_chunk.end : cape_row + $INNER;
            unsigned long long cape_run = cape_point - cape_row - cape_first;
            $START
            $LOOP
            $BODY
            if (cape_chunk.end > cape_row + $INNER)
                break;
            cape_more = $NEXT;
        }
        cape_row += $INNER;
        $END
        $RESULTS
        cape_loop_end(&cape_chunk);
    }
    $BARRIER
}
