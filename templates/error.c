/* Error directive at execution, OpenMP 5.2 section 8.5. Given
 *     #pragma omp error at(execution) severity(SEVERITY) message(MESSAGE)
 * we emit the call: it prints the message, and ends the job if the error is fatal.
 * Holes: $SITE the directive's site; $FATAL 1 or 0; $MESSAGE the message or a null pointer.
 */
cape_error(&$SITE, $FATAL, $MESSAGE);
