//# error: ordered
/* An ordered block in a loop that has no such clause. */
int main(void)
{
    int sum = 0;
#pragma omp parallel for
    for (int i = 0; i < 10; ++i) {
#pragma omp ordered //~
        sum += i;
    }
    return sum;
}
