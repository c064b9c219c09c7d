//# error: task
/* task is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int x = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp task shared(x) //~
        x = 1;
    }
    return x;
    return 0;
}
