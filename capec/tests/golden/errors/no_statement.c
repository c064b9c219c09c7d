/* A declaration is no structured block. */
int main(void)
{
#pragma omp parallel
    int x;
    return 0;
}
