/* Dependences between iterations, malformed. */
void f(int n)
{
#pragma omp for ordered(1)
    for (int i = 0; i < n; i++) {
#pragma omp ordered depend(source: i)
#pragma omp ordered depend(sink: i * 2)
#pragma omp ordered doacross(i - 1)
#pragma omp ordered doacross(source: i)
    }
}
