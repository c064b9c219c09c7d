//# error: taskgroup
/* taskgroup is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
#pragma omp taskgroup //~
    {
    }
    return 0;
}
