/* begin declare variant for the machine that compiles. */
#pragma omp begin declare variant match(device={kind(host)})
int f(void) { return 2; }
#pragma omp end declare variant

int main(void)
{
    return 0;
}
