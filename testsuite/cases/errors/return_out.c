//# error: return
/* return out of a region. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
        x = 1;
        return x; //~
    }
    return 0;
}
