/* Cancel construct and cancellation point, OpenMP 5.2 sections 16.1 and 16.2. Given
 *     #pragma omp cancel KIND if(CONDITION)
 * we emit the statement below. The label stands at the end of the cancelled construct's block in the same function, before its results.
 * Holes: $CALL cape_cancel or cape_cancellation_point with its arguments; $LABEL the label.
 */
if ($CALL)
    goto $LABEL;
