/* taskloop simd with linear: each task begins with the value of its first iteration, and the last one's is left. */
#include <stdio.h>

int main(void)
{
    int table[30], along = 4, k;
    long sum = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskloop simd linear(along : 3) num_tasks(4)
        for (int i = 0; i < 30; i++) {
            table[i] = along;
            along += 3;
        }
#pragma omp taskloop simd linear(along) collapse(2) grainsize(3)
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 6; j++) {
                table[i * 6 + j] += along;
                along++;
            }
    }
    for (int i = 0; i < 30; i++)
        sum += (i + 1L) * table[i];
#pragma omp parallel
#pragma omp single
#pragma omp taskloop simd linear(k : 2) shared(table)
    for (k = 0; k < 30; k += 2)
        table[k] += k;
    for (int i = 0; i < 30; i++)
        sum += table[i];
    printf("%ld %d %d\n", sum, along, k);
    return 0;
}
