/* Tasks of other functions, which know the list items by their own addresses, take part in reduction(task, ...). */
#include <stdio.h>

int a, b[3] = {1, 1, 1};
unsigned long c[2] = {~0UL, ~0UL};

static void task(int i)
{
#pragma omp task in_reduction(* : b[:3]) in_reduction(& : c[1:]) in_reduction(+ : a)
    {
        a += 4;
        b[1] *= 4;
        c[1] &= ~(1UL << (i + 16));
    }
}

static void loop(void)
{
#pragma omp for reduction(task, + : a) reduction(task, * : b) reduction(task, & : c[1:1])
    for (int i = 2; i < 16; i += 2) {
        a++;
        b[0] *= 2;
        task(i);
        b[2] *= 3;
        c[1] &= ~(1UL << i);
    }
}

int main(void)
{
#pragma omp parallel
    loop();
    printf("%d %d %d %d %lx %lx\n", a, b[0], b[1], b[2], c[0], c[1]);
    a = 0;
#pragma omp parallel reduction(task, + : a)
    {
#pragma omp single
        for (int i = 0; i < 10; ++i) {
#pragma omp task in_reduction(+ : a)
            a += i;
        }
    }
    printf("%d\n", a);
    return 0;
}
