/* Device data directives, OpenMP 5.2 sections 13.5 to 13.9. Given
 *     #pragma omp target enter data map(m) depend(in : d)
 * we emit the block below, and likewise for target data, exit data and update: host and device are one memory, so that nothing has to
 * be moved. With depend the task it stands for waits for those it depends on.
 * Holes: $WAIT the wait or nothing; $BODY the block of target data or nothing.
 */
{
    $WAIT
    $BODY
}
