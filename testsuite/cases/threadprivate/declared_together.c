/* Threadprivate variables and others in one declaration, with initializers that depend on the order. */
#include <stdio.h>

static int mine = 3, all = 0, *where = &all, table[3] = {1, 2, 3};
int before, each;
#pragma omp threadprivate(mine, table)
#pragma omp threadprivate(each)

int main(void)
{
    int sum = 0;
    mine = 0;
#pragma omp parallel copyin(mine)
    {
        each = 5;
#pragma omp for
        for (int i = 1; i <= 1000; i++) {
            mine += i;
            table[1]++;
        }
#pragma omp critical
        {
            sum += mine;
            all += table[1] - 2;
            before += each == 5;
            each = 0;
        }
    }
#pragma omp parallel
    {
#pragma omp critical
        before -= each == 0;
    }
    printf("%d %d %d %d\n", sum, *where, before, table[2]);
}
