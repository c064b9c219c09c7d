/* The allocate clause on constructs: copies come from where the translation puts them. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int p = 1, f = 2, sum = 0;
#pragma omp parallel private(p) firstprivate(f) allocate(omp_default_mem_alloc : p, f) reduction(+ : sum)
    {
        p = f;
        sum += p * 0 + 1;
    }
#pragma omp parallel
    {
#pragma omp for private(p) allocate(p)
        for (int i = 0; i < 10; i++)
            p = i;
#pragma omp single firstprivate(f) allocate(omp_high_bw_mem_alloc : f)
        f++;
    }
    printf("%d %d %d\n", sum >= 1, p, f);
    return 0;
}
