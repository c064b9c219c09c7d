//# error: 'value' in 'copyin' is not threadprivate
/* copyin takes threadprivate variables only. */
static int value;

int main(void)
{
#pragma omp parallel copyin(value) //~
    value += 1;
    return 0;
}
