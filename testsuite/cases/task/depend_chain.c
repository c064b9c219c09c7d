/* depend: in, out, inout order tasks that name the same storage; sections, elements and members. */
#include <stdio.h>

struct record {
    int first, second[4];
};

int main(void)
{
    int x = 0, y = 0, trace[8] = {0}, at = 0;
    int a[10] = {0};
    struct record r = {0, {0}};
#pragma omp parallel
#pragma omp single
    {
        int *p = a;
        struct record *q = &r;
#pragma omp task depend(out : x) shared(x)
        x = 1;
#pragma omp task depend(in : x) depend(out : y) shared(x, y)
        y = x + 1;
#pragma omp task depend(inout : x, y) shared(x, y)
        x = x * 10 + y;
        for (int i = 0; i < 8; ++i) {
#pragma omp task depend(inout : trace) shared(trace, at)
            trace[at++] = i;
        }
#pragma omp task depend(out : p[2 : 3])
        p[2] = 5;
#pragma omp task depend(in : p[2 : 3]) depend(out : a[7])
        a[7] = p[2] + 1;
#pragma omp task depend(in : *(p + 7)) depend(out : q->second[1])
        q->second[1] = a[7] + 1;
#pragma omp task depend(in : r.second[1]) depend(inout : q->first)
        r.first = r.second[1] + 1;
#pragma omp taskwait
    }
    printf("%d %d |", x, y);
    for (int i = 0; i < 8; ++i)
        printf(" %d", trace[i]);
    printf(" | %d %d %d\n", a[7], r.second[1], r.first);
    return 0;
}
