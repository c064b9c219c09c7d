//# error: s
/* reduction of a variable that has no such operator. */
int main(void)
{
    struct { int v; } s = {0};
#pragma omp parallel for reduction(+ : s) //~?
    for (int i = 0; i < 10; ++i)
        s.v += i;
    return 0;
}
