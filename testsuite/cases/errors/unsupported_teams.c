//# error: teams
/* teams is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
#pragma omp teams //~
    {
    }
    return 0;
}
