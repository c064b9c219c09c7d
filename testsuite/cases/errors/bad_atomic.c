//# error: atomic
/* atomic on a statement that is no update. */
int main(void)
{
    int x = 0, y = 0;
#pragma omp parallel
    {
#pragma omp atomic //~?
        x = y + 1; //~?
    }
    return 0;
}
