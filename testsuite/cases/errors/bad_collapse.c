//# error: collapse
/* collapse wants a positive constant. */
int main(void)
{
#pragma omp parallel for collapse(0) //~
    for (int i = 0; i < 10; ++i)
        ;
    return 0;
}
