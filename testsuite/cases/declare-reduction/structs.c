/* declare reduction for structs: expressions, calls, initializers of every form, on parallel, for and sections. */
#include <stdio.h>
struct point { double x, y; };
typedef struct { int low, high, count; } range;
static void widen(range *into, const range *from)
{
    if (from->low < into->low) into->low = from->low;
    if (from->high > into->high) into->high = from->high;
    into->count += from->count;
}
static range nothing(void)
{
    range empty = {1000000, -1000000, 0};
    return empty;
}
static void like(range *made, const range *original)
{
    *made = nothing();
    made->count = original->count > 1000 ? 0 : 0;
}
#pragma omp declare reduction(+ : struct point : omp_out.x += omp_in.x, omp_out.y += omp_in.y)
#pragma omp declare reduction(widen : range : widen(&omp_out, &omp_in)) initializer(omp_priv = nothing())
#pragma omp declare reduction(widened : range : widen(&omp_out, &omp_in)) initializer(like(&omp_priv, &omp_orig))
#pragma omp declare reduction(far : struct point, range : omp_out = omp_in) initializer(omp_priv = {0})
int main(void)
{
    struct point p = {1, 2}, list[3] = {{0, 0}, {1, 1}, {2, 2}};
    range r = nothing(), s = nothing();
#pragma omp parallel for reduction(+ : p) reduction(widen : r)
    for (int i = 0; i < 100; i++) {
        range one = {i * 7 % 100, i * 7 % 100, 1};
        p.x += i;
        p.y += 2 * i;
        widen(&r, &one);
    }
    printf("%g %g %d %d %d\n", p.x, p.y, r.low, r.high, r.count);
#pragma omp parallel
    {
#pragma omp for reduction(widened : s) reduction(+ : list)
        for (int i = 5; i < 50; i++) {
            range one = {-i, i, 2};
            widen(&s, &one);
            list[i % 3].x += i;
            list[i % 3].y -= i;
        }
#pragma omp sections reduction(+ : p)
        {
            p.x += 1;
#pragma omp section
            p.y += 1;
#pragma omp section
            p.x += 10;
        }
    }
    printf("%d %d %d %g %g\n", s.low, s.high, s.count, p.x, p.y);
    for (int i = 0; i < 3; i++)
        printf("%g %g\n", list[i].x, list[i].y);
    return 0;
}
