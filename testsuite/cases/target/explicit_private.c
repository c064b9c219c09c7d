/* private and firstprivate of scalars, arrays and structs. */
#include <stdio.h>

struct pair { int a, b; };

int main(void)
{
    int s = 1, t = 2, a[3] = {1, 2, 3};
    struct pair q = {5, 6};
    int seen[4] = {0};
#pragma omp target private(s) firstprivate(t, a, q) map(tofrom : seen)
    {
        s = 9;
        t += s;
        a[0] += t;
        q.b += a[0];
        seen[0] = s, seen[1] = t, seen[2] = a[0], seen[3] = q.b;
    }
    printf("%d %d %d %d | %d %d %d %d\n", seen[0], seen[1], seen[2], seen[3], s, t, a[0], q.b);
    return 0;
}
