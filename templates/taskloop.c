/* Taskloop construct where it stands, OpenMP 5.2 section 12.6. Given
 *     #pragma omp taskloop grainsize(GRAIN) num_tasks(TASKS) reduction(+ : r)
 *     for (i = FIRST; i < BOUND; i += STRIDE)
 *         BODY
 * we emit the block below; the body goes to a function of its own, see taskloop-body.c. The bounds are evaluated once. Reductions are
 * those of a taskgroup around the tasks, in which these take part. Memory: as with task.c.
 * Holes: as in task.c, and $BOUNDS first value, bound, stride and the number of iterations cape_count of each loop; $BEGIN and $END the
 * taskgroup of a reduction or nothing; $ORIGINALS addresses of reduced array sections; $GRAIN and $TASKS (0: not given).
 */
{
    $BOUNDS
    $DIMENSIONS
    $ORIGINALS
    $ENVIRONMENT
    $CLAUSES
    $BEGIN
    cape_taskloop(&$SITE, $TASK, $ADDRESSES, $SIZES, $COUNT, $GIVEN, cape_count, $GRAIN, $TASKS);
    $END
}
