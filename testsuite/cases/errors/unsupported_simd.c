//# error: simd
/* simd is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int a[10];
#pragma omp simd //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return 0;
}
