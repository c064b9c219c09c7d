/* A threadprivate directive without a list. */
int x;
#pragma omp threadprivate

int main(void)
{
    return x;
}
