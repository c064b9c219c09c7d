//# error: 'value' in 'threadprivate' is no variable declared before
/* The variable must be declared before its directive. */
#pragma omp threadprivate(value) //~
static int value;

int main(void)
{
    return value;
}
