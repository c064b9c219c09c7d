/* A clause whose list is not closed. */
int main(void)
{
    int x = 0;
#pragma omp parallel private(x //~
    x = 1;
    return 0;
}
