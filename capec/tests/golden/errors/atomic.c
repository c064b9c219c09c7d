/* Statements that are no atomic operation of the form asked for. */
int main(void)
{
    int x = 0, v = 0, r;
#pragma omp atomic
    x = v;
#pragma omp atomic read
    v = x + 1;
#pragma omp atomic write
    x++;
#pragma omp atomic capture
    v = x;
#pragma omp atomic compare
    x = x + 1;
#pragma omp atomic compare capture
    { r = x == v; x = r; }
    return v;
}
