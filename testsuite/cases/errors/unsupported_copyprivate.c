//# error: copyprivate
/* copyprivate is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int x = 0;
#pragma omp parallel firstprivate(x)
    {
#pragma omp single copyprivate(x) //~
        x = 5;
    }
    return 0;
}
