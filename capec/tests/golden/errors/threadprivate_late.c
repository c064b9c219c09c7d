/* A variable that code has used before the directive. */
int used;

int get(void)
{
#pragma omp parallel
    used++;
    return used;
}
#pragma omp threadprivate(used)

int main(void)
{
#pragma omp parallel
    used = 1;
    return 0;
}
