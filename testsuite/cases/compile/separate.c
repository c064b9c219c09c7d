//# also: parts/separate_part.c
//# build: separate
/* Two files, compiled separately: globals, statics of the same name, orphaned constructs and a region across them. */
#include <stdio.h>

extern double field[500];
extern int calls;
double advance(double by);
void spread(void);

static int hidden = 1;

int main(void)
{
    double sum = 0;
    for (int i = 0; i < 3; ++i)
        sum += advance(i * 0.5);
#pragma omp parallel
    {
        spread();
#pragma omp for reduction(+ : sum)
        for (int i = 0; i < 500; ++i)
            sum += field[i] * hidden;
    }
#pragma omp parallel for
    for (int i = 0; i < 500; ++i)
        field[i] = i;
    printf("%.2f %.2f %d %d\n", sum, advance(1), calls, hidden);
    return 0;
}
