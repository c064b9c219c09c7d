/* Simd construct, OpenMP 5.2 section 10.4. Given
 *     #pragma omp simd linear(l) reduction(+ : r) lastprivate(x)
 *     LOOP
 * we emit the block below: the host compiler, which is told of simd directives, translates it. Variables that are reached through
 * pointers here are copied in and out, so that the directive can name them.
 * Holes: $ORIGINALS addresses of the originals of copies; $PRIVATES the copies; $PRAGMA the directive; $LOOP the loops; $RESULTS
 * copies values back.
 */
{
    $ORIGINALS
    {
        $PRIVATES
        $PRAGMA
        $LOOP
        $RESULTS
    }
}
