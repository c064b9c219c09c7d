//# error: linear
/* A colon without a step. */
int main(void)
{
    int j = 0;
#pragma omp parallel for linear(j :) //~
    for (int i = 0; i < 10; ++i)
        j++;
    return 0;
}
