/* Sections construct, OpenMP 5.2 section 11.3. Given
 *     #pragma omp sections private(p) firstprivate(f) lastprivate(l) reduction(+ : r)
 *     { FIRST #pragma omp section SECOND ... }
 * we emit the loop below, in which a logical iteration is a section. Results take effect at the barrier (with nowait, or
 * combined with parallel: at the next one), where memory is published and caught up.
 * Holes: $SITE the construct's site; $ORIGINALS addresses of the originals; $PRIVATES the copies; $COUNT the number of
 * sections; $CASES one case a section; $RESULTS reductions and last values; $BARRIER the barrier or nothing.
 */
{
    struct cape_loop cape_chunk;
    $ORIGINALS
    {
        unsigned long long cape_section;
        $PRIVATES
        cape_loop_begin(&cape_chunk, &$SITE, $COUNT, CAPE_STATIC, 1);
        while (cape_loop_next(&cape_chunk))
            for (cape_section = cape_chunk.first; cape_section < cape_chunk.end; ++cape_section)
                switch (cape_section) {
                $CASES
                }
        $RESULTS
        cape_loop_end(&cape_chunk);
    }
    $BARRIER
}
