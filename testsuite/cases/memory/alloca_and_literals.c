/* alloca memory and compound literals of the callers, shared with the region. */
#include <alloca.h>
#include <stdio.h>
#include <string.h>

struct pair { int a, b; };

static long use(int n)
{
    int *area = alloca((size_t)n * sizeof *area);
    struct pair *p = &(struct pair){3, 4};
    int *list = (int[]){5, 6, 7, 8};
    memset(area, 0, (size_t)n * sizeof *area);
#pragma omp parallel for
    for (int i = 0; i < n; ++i) {
        int *mine = alloca(16 * sizeof *mine);
        for (int k = 0; k < 16; ++k)
            mine[k] = i * k;
        area[i] += mine[15] + p->a * list[i % 4];
    }
#pragma omp parallel
#pragma omp single
    {
        p->b = area[n - 1];
        list[2] = 70;
    }
    long sum = p->b + list[2];
    for (int i = 0; i < n; ++i)
        sum += area[i];
    return sum;
}

int main(void)
{
    printf("%ld %ld\n", use(10), use(3000));
    return 0;
}
