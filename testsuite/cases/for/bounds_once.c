/* Bounds and step with side effects are evaluated once, whatever the body does to what they were computed from. */
#include <stdio.h>

static int from_calls, to_calls, step_calls;
static int from(void) { ++from_calls; return 2; }
static int to(int n) { ++to_calls; return n; }
static int by(void) { ++step_calls; return 3; }

int main(void)
{
    int n = 40, count = 0, a[64] = {0};
#pragma omp parallel for num_threads(1)
    for (int i = from(); i < to(n); i += by()) {
        n = 3;
        a[i] = 1;
        ++count;
    }
    printf("%d %d %d %d %d %d\n", a[2] + a[38] + a[39], count, from_calls, to_calls, step_calls, n);

    n = 30;
    count = 0;
    int lower = n++;
#pragma omp parallel for reduction(+ : count)
    for (int i = lower - 20; i <= n - 1; i += 2)
        ++count;
    printf("%d %d\n", count, n);
    return 0;
}
