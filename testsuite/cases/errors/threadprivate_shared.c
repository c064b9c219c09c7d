//# error: 'value' is threadprivate and can be in no data-sharing clause but 'copyin'
/* A threadprivate variable has its data sharing already. */
static int value;
#pragma omp threadprivate(value)

int main(void)
{
#pragma omp parallel shared(value) //~
    value += 1;
    return 0;
}
