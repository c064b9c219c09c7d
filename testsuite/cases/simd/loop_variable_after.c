/* After a loop with simd its variable, unless the loop declares it, has its last value (OpenMP 5.2 section 5.1.1). */
#include <stdio.h>

int i, sum, last;

static void orphaned(void)
{
#pragma omp for simd schedule(static, 32) reduction(+ : sum) lastprivate(last)
    for (i = 0; i < 128; i++) {
        sum++;
        last = i;
    }
}

static void in_task(void)
{
    int j = 0;
#pragma omp task default(shared) if (0)
    {
#pragma omp simd
        for (j = 0; j < 100; j++)
            ;
    }
    printf("%d\n", j);
}

int main(void)
{
    int k, l;
    orphaned();
    printf("%d %d %d\n", i, sum, last);
    i = 0;
#pragma omp parallel
    orphaned();
    printf("%d %d %d\n", i, sum, last);
    in_task();
#pragma omp parallel for simd
    for (k = 3; k < 50; k += 4)
        ;
#pragma omp parallel private(l)
    {
#pragma omp for simd reduction(+ : sum)
        for (l = 0; l < 10; ++l)
            sum += l;
    }
    printf("%d %d\n", k, sum);
    return 0;
}
