//# also: parts/separate_part.c
/* Two files on one command line; a tentative definition and an extern declaration inside a block. */
#include <stdio.h>

double advance(double by);
void spread(void);
int tentative;
int tentative;

int main(void)
{
    extern double field[];
    double sum = advance(2);
#pragma omp parallel
    {
        extern int calls;
        spread();
#pragma omp single
        tentative = calls + (int)field[7];
    }
    printf("%.1f %d\n", sum, tentative);
    return 0;
}
