//# error: no_such_variable
/* A mistake that the host compiler finds has the line of the user's file. */
int main(void)
{
    int x = 0;
#pragma omp parallel
    {
        x = no_such_variable; //~
    }
    return 0;
}
