/* target parallel for with the clauses of all three. */
#include <stdio.h>

#define N 100

int main(void)
{
    double a[N], b[N], sum = 0;
    int last = -1, i, k = 2, pos = 0;
#pragma omp target parallel for map(from : a) map(to : b) schedule(static, 7) firstprivate(k) lastprivate(last)
    for (i = 0; i < N; i++) {
        a[i] = i * k;
        last = i;
    }
#pragma omp target parallel for reduction(+ : sum) reduction(max : pos) map(to : a[0 : N]) schedule(dynamic, 3) nowait
    for (i = 0; i < N; i++) {
        sum += a[i];
        if (i > pos)
            pos = i;
    }
#pragma omp taskwait
    printf("%d %g %d\n", last, sum, pos);
    int m[6][5];
#pragma omp target parallel for collapse(2) private(k) map(m)
    for (int r = 0; r < 6; r++)
        for (int c = 0; c < 5; c++) {
            k = r * 10 + c;
            m[r][c] = k;
        }
    for (int r = 0; r < 6; r++)
        printf("%d %d\n", m[r][0], m[r][4]);
    return 0;
}
