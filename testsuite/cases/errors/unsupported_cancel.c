//# error: cancel
/* cancel is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
#pragma omp parallel
    {
#pragma omp cancel parallel //~
    }
    return 0;
}
