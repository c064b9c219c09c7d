/* reduction(task, ...) on parallel, for, sections and scope: the tasks of the construct take part. */
#include <stdio.h>

int main(void)
{
    int whole = 0, loop = 0, parts = 0, array[3] = {0}, threads = 0;
#pragma omp parallel reduction(task, + : whole) reduction(+ : threads)
    {
        ++threads;
        whole += 1;
        for (int i = 0; i < 3; ++i) {
#pragma omp task in_reduction(+ : whole)
            whole += 10;
        }
    }
#pragma omp parallel
    {
#pragma omp for reduction(task, + : loop, array)
        for (int i = 0; i < 20; ++i) {
            loop += i;
#pragma omp task in_reduction(+ : loop, array)
            {
                loop += 100;
                array[i % 3] += i;
            }
        }
#pragma omp sections reduction(task, + : parts)
        {
#pragma omp section
            {
#pragma omp task in_reduction(+ : parts)
                parts += 5;
            }
#pragma omp section
            parts += 2;
        }
    }
    printf("%d %d %d %d %d %d\n", whole == 31 * threads, loop, parts, array[0], array[1], array[2]);
    return 0;
}
