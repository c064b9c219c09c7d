/* declare variant without match. */
int g(void);
#pragma omp declare variant(g)
int f(void);

int main(void)
{
    return f();
}
