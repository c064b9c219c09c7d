//# error: atomic
/* atomic on a function call. */
static void f(void) { }

int main(void)
{
#pragma omp parallel
    {
#pragma omp atomic //~?
        f(); //~?
    }
    return 0;
}
