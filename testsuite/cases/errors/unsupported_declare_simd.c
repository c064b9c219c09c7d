//# error: declare simd
/* declare simd is not supported yet: an error at the construct, never silently dropped. */
#pragma omp declare simd //~
static int half(int x) { return x / 2; }

int main(void)
{
    return half(0);
    return 0;
}
