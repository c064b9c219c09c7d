//# error: critical
/* Only few constructs may be nested in simd. */
int main(void)
{
    int x = 0;
#pragma omp simd
    for (int i = 0; i < 10; ++i) {
#pragma omp critical //~
        x += i;
    }
    return x;
}
