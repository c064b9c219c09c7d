//# error: threadprivate
/* threadprivate is not supported yet: an error at the construct, never silently dropped. */
static int counter;
#pragma omp threadprivate(counter) //~

int main(void)
{
#pragma omp parallel
    counter++;
    return 0;
}
