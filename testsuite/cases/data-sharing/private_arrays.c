/* private and firstprivate arrays, two-dimensional and of variable length; pointers stay pointers to shared memory. */
#include <stdio.h>

static int run(int n)
{
    int a[4][3], v[n], total = 0, shared[8] = {1, 2, 3, 4, 5, 6, 7, 8}, *p = shared;
    for (int i = 0; i < n; ++i)
        v[i] = i;
#pragma omp parallel for private(a) firstprivate(v, p) reduction(+ : total)
    for (int i = 0; i < 8; ++i) {
        for (int k = 0; k < 12; ++k)
            a[k / 3][k % 3] = k + i;
        v[i % n] += 100;
        v[i % n] -= 100;
        p[i] += a[3][2] + v[n - 1];
        total += p[i] + (int)(sizeof a + sizeof v);
    }
    return total + shared[7] + v[0];
}

int main(void)
{
    printf("%d %d\n", run(4), run(9));
    return 0;
}
