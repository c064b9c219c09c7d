/* Flush construct, OpenMP 5.2 section 15.8.5. Given
 *     #pragma omp flush ORDER
 * we emit the call. It publishes and catches up to the newest state; a list says less than that, so it is not passed on.
 * Holes: $SITE the construct's site; $ORDER one of enum cape_flush_order.
 */
cape_flush(&$SITE, $ORDER);
