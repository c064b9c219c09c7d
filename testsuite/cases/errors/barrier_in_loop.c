//# error: barrier
/* barrier closely nested in a loop construct. */
int main(void)
{
#pragma omp parallel for
    for (int i = 0; i < 10; ++i) {
#pragma omp barrier //~
    }
    return 0;
}
