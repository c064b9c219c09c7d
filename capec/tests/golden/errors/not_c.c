/* No C at all. */
int main(void)
{
#pragma omp parallel
    ;
    return 1 +* ;
}
