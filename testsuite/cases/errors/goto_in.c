//# error: inside
/* goto into a region. */
int main(void)
{
    int x = 0;
    goto inside; //~?
#pragma omp parallel
    {
    inside: //~?
        x = 1;
    }
    return 0;
}
