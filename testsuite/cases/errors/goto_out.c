//# error: goto
/* goto out of a critical. */
int main(void)
{
    int x = 0;
#pragma omp critical
    {
        x = 1;
        goto out; //~
    }
    out:
    return 0;
}
