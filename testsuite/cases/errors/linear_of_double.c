//# error: d
/* linear is for integers and pointers. */
int main(void)
{
    struct { int x; } d = {0};
#pragma omp parallel for linear(d : 1) //~
    for (int i = 0; i < 10; ++i)
        ;
    return d.x;
}
