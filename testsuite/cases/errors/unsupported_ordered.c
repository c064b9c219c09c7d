//# error: ordered
/* ordered is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int sum = 0;
#pragma omp parallel for ordered //~?
    for (int i = 0; i < 10; ++i) {
#pragma omp ordered //~?
        sum += i;
    }
    return sum;
    return 0;
}
