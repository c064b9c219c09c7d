/* Recursion through regions: only the outermost has a full team. */
#include <stdio.h>

static long tree(int depth, int x)
{
    long sum = x;
    if (depth > 0) {
#pragma omp parallel for reduction(+ : sum)
        for (int i = 0; i < 3; ++i)
            sum += tree(depth - 1, x * 3 + i);
    }
    return sum;
}

int main(void)
{
    printf("%ld %ld\n", tree(0, 9), tree(6, 1));
    return 0;
}
