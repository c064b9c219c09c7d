/* threadprivate variables of functions: static, with initializers, arrays and structs, in regions and called from them; extern in blocks. */
#include <omp.h>
#include <stdio.h>

struct pair {
    int a, b;
};
int outer = 3;
#pragma omp threadprivate(outer)

static int count_calls(int step)
{
    static int calls = 10, twice;
#pragma omp threadprivate(calls, twice)
    calls += step;
    twice = 2 * calls;
    return twice;
}

static int sum_of_outer(void)
{
    extern int outer;
    return outer;
}

int main(void)
{
    static struct pair pair = {1, 2};
    static double table[3] = {0.5, 1.5, 2.5};
#pragma omp threadprivate(pair, table)
    int wrong = 0;
    pair.a = 5;
    outer = 7;
#pragma omp parallel copyin(pair, outer) reduction(+ : wrong)
    {
        int me = omp_get_thread_num();
        wrong += pair.a != 5 || pair.b != 2 || sum_of_outer() != 7;
        pair.a = me;
        outer = me;
        table[1] = me;
#pragma omp barrier
        wrong += pair.a != me || table[1] != me || sum_of_outer() != me;
        wrong += count_calls(me) != 2 * (10 + me);
        wrong += count_calls(1) != 2 * (11 + me);
    }
    printf("%d %d %d\n", wrong, pair.a, count_calls(0));
    return 0;
}
