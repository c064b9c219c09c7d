/* A clause of declare variant that changes the arguments. */
int g(int *p);
#pragma omp declare variant(g) match(construct={parallel}) adjust_args(nothing : p)
int f(int *p);

int main(void)
{
    return f(0);
}
