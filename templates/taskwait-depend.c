/* Taskwait construct with dependences, OpenMP 5.2 section 15.5. Given
 *     #pragma omp taskwait depend(in : x)
 * we emit the block below. It waits for the children that a task with these dependences would wait for.
 * Holes: $SITE the construct's site; $DEPENDS the array cape_depend; $COUNT the number of its elements.
 */
{
    $DEPENDS
    cape_taskwait_depend(&$SITE, cape_depend, $COUNT);
}
