/* taskloop with reduction and in_reduction: scalars, arrays, sections, several operators. */
#include <stdio.h>

int main(void)
{
    int sum = 1, lowest = 100, bins[4] = {1, 1, 1, 1}, dynamic[6] = {0}, n = 3, outer = 0;
    long product = 1;
#pragma omp parallel
#pragma omp single
    {
        int *p = dynamic;
#pragma omp taskloop reduction(+ : sum, bins) reduction(min : lowest) grainsize(3)
        for (int i = 0; i < 40; ++i) {
            sum += i;
            bins[i % 4] += 1;
            if (50 - i < lowest)
                lowest = 50 - i;
        }
#pragma omp taskloop reduction(* : product) num_tasks(3)
        for (int i = 1; i <= 10; ++i)
            product *= i;
#pragma omp taskloop reduction(+ : p[1 : n]) num_tasks(4)
        for (int i = 0; i < 30; ++i)
            p[1 + i % 3] += i;
#pragma omp taskgroup task_reduction(+ : outer)
        {
#pragma omp taskloop in_reduction(+ : outer)
            for (int i = 0; i < 10; ++i)
                outer += i;
#pragma omp task in_reduction(+ : outer)
            outer += 1000;
        }
    }
    printf("%d %d %ld %d | %d %d %d %d | %d %d %d %d %d\n", sum, lowest, product, outer, bins[0], bins[1], bins[2], bins[3],
           dynamic[0], dynamic[1], dynamic[2], dynamic[3], dynamic[4]);
    return 0;
}
