//# error: x
/* A variable in two data-sharing clauses. */
int main(void)
{
    int x = 0;
#pragma omp parallel private(x) shared(x) //~
    x = 1;
    return 0;
}
