//# error: forgotten
/* default(none) and a variable without clause, used twice. */
int main(void)
{
    int listed = 1, forgotten = 2, sum = 0;
#pragma omp parallel for default(none) shared(listed) reduction(+ : sum) //~?
    for (int i = 0; i < 10; ++i)
        sum += listed + forgotten; //~?
    return sum;
    return 0;
}
