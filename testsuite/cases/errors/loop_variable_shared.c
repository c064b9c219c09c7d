//# error: i
/* The loop variable listed as shared. */
int main(void)
{
    int i;
#pragma omp parallel for shared(i) //~?
    for (i = 0; i < 10; ++i) //~?
        ;
    return 0;
}
