/* An orphaned reduction of a variable that every thread has for itself. */
static int worker(int own)
{
    int local = own;
#pragma omp for reduction(+ : local)
    for (int i = 0; i < 9; i++)
        local += i;
    return local;
}

int main(void)
{
    int n = 0;
#pragma omp parallel
    worker(n);
    return n;
}
