/* reduction on parallel, on for inside it, and both of the same variable one after the other. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    long sum = 10, inner = 0, wrong = 0;
#pragma omp parallel reduction(+ : sum)
    sum += omp_get_thread_num() + 1;
    int team = omp_get_max_threads();
    wrong += sum != 10 + (long)team * (team + 1) / 2;
#pragma omp parallel reduction(+ : wrong)
    {
#pragma omp for reduction(+ : inner)
        for (int i = 0; i < 100; ++i)
            inner += i;
        wrong += inner != 4950;
#pragma omp barrier
#pragma omp for reduction(max : inner) nowait
        for (int i = 4900; i < 5000; ++i)
            inner = inner < i ? i : inner;
#pragma omp barrier
        wrong += inner != 4999;
    }
    printf("%ld %ld\n", inner, wrong);
    return 0;
}
