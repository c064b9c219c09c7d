//# error: flush
/* flush is not supported yet: an error at the construct, never silently dropped. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
#pragma omp flush(x) //~
    }
    return 0;
}
