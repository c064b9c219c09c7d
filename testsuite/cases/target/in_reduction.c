/* Target tasks that take part in the reduction of a taskgroup: scalars, arrays, sections, combined constructs. */
#include <stdio.h>

int main(void)
{
    int sum = 0;
    long array[4] = {0};
    double factor = 1;
#pragma omp parallel master
#pragma omp taskgroup task_reduction(+ : sum, array) task_reduction(* : factor)
    {
#pragma omp target in_reduction(+ : sum)
        sum += 2;
#pragma omp target in_reduction(+ : sum) in_reduction(* : factor)
        for (int i = 0; i < 10; i++) {
            sum++;
            factor *= 2;
        }
#pragma omp target in_reduction(+ : array)
        for (int i = 0; i < 4; i++)
            array[i] += i;
#pragma omp target parallel for in_reduction(+ : sum) reduction(+ : sum)
        for (int i = 0; i < 100; i++)
            sum += i;
        for (int i = 0; i < 10; i++)
#pragma omp task in_reduction(+ : sum, array)
        {
            sum += 1;
            array[1]++;
            array[2] += i;
        }
    }
    printf("%d %ld %ld %ld %ld %g\n", sum, array[0], array[1], array[2], array[3], factor);
    return 0;
}
