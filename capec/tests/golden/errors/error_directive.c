/* The program itself wants a message. */
int main(void)
{
#pragma omp error
#pragma omp error at(compilation) severity(fatal) message("not on this machine")
#pragma omp parallel
    ;
    return 0;
}
