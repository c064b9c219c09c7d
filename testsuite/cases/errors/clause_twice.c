//# error: num_threads
/* A clause that may appear once. */
int main(void)
{
#pragma omp parallel num_threads(2) num_threads(3) //~
    {
    }
    return 0;
}
