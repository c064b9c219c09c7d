/* Recursion of megabytes on every thread's stack. */
#include <stdio.h>

static long dig(int depth, const long *above)
{
    volatile long room[512];
    room[0] = depth;
    room[511] = above ? above[0] : 0;
    return depth == 0 ? room[511] : dig(depth - 1, (const long *)room) + room[0];
}

int main(void)
{
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 16; ++i)
        sum += dig(600 + i, NULL);
    printf("%ld %ld\n", sum, dig(800, NULL));
    return 0;
}
