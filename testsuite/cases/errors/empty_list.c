//# error: private
/* A clause with an empty list. */
int main(void)
{
#pragma omp parallel private() //~
    {
    }
    return 0;
}
