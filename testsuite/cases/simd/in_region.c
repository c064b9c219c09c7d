/* simd loops in a region whose variables are shared locals of the function around it. */
#include <stdio.h>
int main(void)
{
    int i, last = -1, n = 64, lin = 10;
    double a[64], sum = 0, out[64];
    double *p = a;
#pragma omp parallel
    {
#pragma omp single
        {
#pragma omp simd
            for (i = 0; i < n; i++)
                a[i] = i * 0.5;
#pragma omp simd reduction(+ : sum) lastprivate(last) linear(lin : 3) aligned(p : 8)
            for (i = 0; i < n; i++) {
                sum += p[i];
                last = i;
                out[i] = lin;
                lin += 3;
            }
        }
    }
    printf("%d %g %d %d %g\n", i, sum, last, lin, out[63]);
    return 0;
}
