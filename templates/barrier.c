/* Barrier construct, OpenMP 5.2 section 15.3.1. Given
 *     #pragma omp barrier
 * we emit the call. Every thread publishes, then all catch up to the same point.
 * Holes: $SITE the construct's site.
 */
cape_barrier(&$SITE);
