//# error: taskwait
/* taskwait is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
#pragma omp taskwait //~
    ;
    return 0;
}
