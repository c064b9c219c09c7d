//# error: default
/* default of something else than shared or none. */
int main(void)
{
    int x = 0;
#pragma omp parallel default(mine) //~
    x = 1;
    return 0;
}
