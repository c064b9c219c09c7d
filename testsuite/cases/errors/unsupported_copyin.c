//# error: copyin
/* copyin is not supported yet: an error at the construct, never silently dropped. */
static __thread int counter;

int main(void)
{
#pragma omp parallel copyin(counter) //~
    counter++;
    return 0;
}
