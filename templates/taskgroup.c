/* Taskgroup construct, OpenMP 5.2 section 15.4. Given
 *     #pragma omp taskgroup task_reduction(+ : r)
 *     BODY
 * we emit the block below. The end waits for all tasks made in the block and for their descendants, catches up what they wrote, and
 * combines their copies of the list items.
 * Holes: $SITE the construct's site; $REDUCTIONS registers the list items; $BODY the structured block.
 */
{
    cape_taskgroup_begin(&$SITE);
    $REDUCTIONS
    $BODY
    cape_taskgroup_end(&$SITE);
}
