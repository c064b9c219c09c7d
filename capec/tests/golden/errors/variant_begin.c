/* begin declare variant without a selector. */
#pragma omp begin declare variant
int f(void) { return 2; }
#pragma omp end declare variant

int main(void)
{
    return 0;
}
