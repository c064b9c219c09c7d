/* linear with every step, on for and parallel for, of pointers, with schedules. */
#include <stdio.h>
#include <string.h>
int main(void)
{
    enum { N = 23 };
    int a[3 * N], x = 5, y = 100, step = 3;
    char text[N + 1] = "", *p = text;
    memset(a, 0, sizeof a);
#pragma omp parallel for linear(x : step) linear(y : -2)
    for (int i = 0; i < N; i++) {
        a[i] = x * 1000 + y;
        x += step;
        y -= 2;
    }
    printf("%d %d\n", x, y);
#pragma omp parallel
    {
#pragma omp for linear(p) schedule(static, 4) nowait
        for (int i = 0; i < N; i++)
            *p++ = 'a' + i;
    }
    printf("%s %d\n", text, (int)(p - text));
    x = 7;
#pragma omp parallel for linear(x : 1) schedule(dynamic, 2)
    for (int i = N; i > 0; i--)
        a[N + i - 1] = x++;
    long sum = 0;
    for (int i = 0; i < 3 * N; i++)
        sum = sum * 31 + a[i];
    printf("%d %ld\n", x, sum);
    return 0;
}
