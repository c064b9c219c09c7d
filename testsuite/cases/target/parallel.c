/* target parallel: the region's threads share what is mapped, and what target copied for them. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int count = 0, s = 5, hits[64] = {0}, n = 3;
#pragma omp target parallel map(tofrom : count, hits) num_threads(n)
    {
        hits[omp_get_thread_num()] = s;
#pragma omp atomic
        count++;
    }
    int sum = 0;
    for (int i = 0; i < 64; i++)
        sum += hits[i];
    printf("%d\n", sum == 5 * count);
    int r = 2;
#pragma omp target parallel reduction(+ : r) firstprivate(s) if (parallel : n > 2)
    r += s - 5;
    printf("%d %d\n", r, s);
#pragma omp target parallel private(s) default(none) shared(hits) map(hits)
    {
        s = omp_get_thread_num();
        hits[s] = 0;
    }
    printf("%d\n", hits[0]);
    return 0;
}
