/* A construct at the end of a block, with no statement. */
int main(void)
{
    int x = 0;
    {
        x = 1;
#pragma omp parallel //~?
    } //~?
    return 0;
}
