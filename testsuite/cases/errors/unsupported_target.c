//# error: target
/* target is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int x = 0;
#pragma omp target map(tofrom : x) //~
    x = 1;
    return 0;
}
