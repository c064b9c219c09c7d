/* Recursion: tasks in tasks, shared locals of the creator, if and final cut-offs. */
#include <stdio.h>

static int plain(int n)
{
    return n < 2 ? n : plain(n - 1) + plain(n - 2);
}

static int fib(int n)
{
    int x, y;
    if (n < 2)
        return n;
#pragma omp task shared(x) if (n > 6)
    x = fib(n - 1);
#pragma omp task shared(y) final(n < 4)
    y = fib(n - 2);
#pragma omp taskwait
    return x + y;
}

int main(void)
{
    int result = 0;
#pragma omp parallel
#pragma omp single
    result = fib(13);
    printf("%d %d\n", result, plain(13));
    return 0;
}
