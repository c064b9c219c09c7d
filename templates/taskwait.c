/* Taskwait construct, OpenMP 5.2 section 15.5, and taskyield, 12.7. Given
 *     #pragma omp taskwait
 * we emit the call. It waits for the children of the current task and catches up what they wrote.
 * Holes: $NAME taskwait or taskyield; $SITE the construct's site.
 */
cape_$NAME(&$SITE);
