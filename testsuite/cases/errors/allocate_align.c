//# error: takes a power of two
//# error: has no copy on this construct
/* The alignment of allocate, and what it is for. */
int main(void)
{
    int x = 0;
#pragma omp parallel private(x) allocate(align(3) : x) //~ power of two
    x = 1;
#pragma omp parallel allocate(align(64) : x) //~ has no copy
    x = 2;
    return x;
}
