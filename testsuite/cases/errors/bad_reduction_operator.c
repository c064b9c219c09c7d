//# error: reduction
/* A reduction operator that does not exist. */
int main(void)
{
    int x = 0;
#pragma omp parallel for reduction(% : x) //~
    for (int i = 0; i < 10; ++i)
        x += i;
    return 0;
}
