/* default(none) with everything listed; predetermined variables need no clause. */
#include <stdio.h>

static const int limit = 20;

int main(void)
{
    int n = 10, a[20], sum = 0;
    const int step = 2;
#pragma omp parallel for default(none) shared(a, n, step, limit) reduction(+ : sum)
    for (int i = 0; i < limit; ++i) {
        static const int once = 5;
        int local = i * step;
        a[i] = local + n + once;
        sum += a[i];
    }
#pragma omp parallel default(shared) firstprivate(n)
    n += 1;
    printf("%d %d %d\n", sum, a[19], n);
    return 0;
}
