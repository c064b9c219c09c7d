//# error: linear
/* linear is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int j = 0;
#pragma omp parallel for linear(j : 1) //~
    for (int i = 0; i < 10; ++i)
        j++;
    return 0;
}
