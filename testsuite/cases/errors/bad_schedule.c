//# error: schedule
/* A schedule kind that does not exist. */
int main(void)
{
#pragma omp parallel for schedule(fast, 3) //~
    for (int i = 0; i < 10; ++i)
        ;
    return 0;
}
