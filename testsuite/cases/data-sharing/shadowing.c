/* The same name for a global, a local, an inner local, a member, a label, a tag and a parameter. */
#include <stdio.h>

static int x = 1000;
struct x { int x; };

static int global_x(void) { return x; }

static int work(int x)
{
    struct x s = {7};
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 10; ++i) {
        sum += x;
        {
            int x = i;
            sum += x + s.x;
            struct x t = {.x = x};
            sum += t.x;
        }
        if (i < 0)
            goto x;
        sum += x;
    x:
        sum += global_x();
    }
    return sum;
}

int main(void)
{
    int x = 3;
    {
        int x = 4;
#pragma omp parallel
#pragma omp single
        x += 1;
        printf("%d\n", x);
    }
    printf("%d %d\n", work(x), x);
    return 0;
}
