//# error: scan
/* A scan directive needs a reduction(inscan, ...). */
int main(void)
{
    int x = 0;
#pragma omp parallel for reduction(+ : x)
    for (int i = 0; i < 10; ++i) {
        x += i;
#pragma omp scan inclusive(x) //~?
        ;
    }
    return x;
}
