/* Teams construct where it stands, OpenMP 5.2 section 10.2. Given
 *     #pragma omp teams num_teams(LOWER : UPPER) thread_limit(LIMIT)
 *     BODY
 * we emit the block below; the body goes to a function of its own, see parallel-region.c. The teams of the league are executed one
 * after the other by the calling thread, which is the initial thread of each.
 * Holes: $SITE the construct's site; $REGION the outlined function; $DIMENSIONS sizes of variable-length arrays that are
 * captured; $ENVIRONMENT the array of captured addresses, $ADDRESSES its name or a null pointer; $LOWER, $UPPER and $LIMIT, 0: not
 * given.
 */
{
    $DIMENSIONS
    $ENVIRONMENT
    cape_teams(&$SITE, $REGION, $ADDRESSES, $LOWER, $UPPER, $LIMIT);
}
