/* Without a clause scalars and pointers are firstprivate, arrays and structs are mapped. */
#include <stdio.h>

int global = 4;
static double ratio = 1.5;
struct pair { int a, b; };
enum colour { RED, GREEN };

static void callee(int parameter, int *array)
{
#pragma omp target
    {
        parameter += 10;
        array[0] += parameter;
        array++;
    }
    printf("%d %d\n", parameter, array[0]);
}

int main(void)
{
    int s = 1, a[3] = {1, 2, 3}, *p = a;
    struct pair q = {5, 6};
    enum colour c = RED;
    long long wide = 1LL << 40;
    _Bool flag = 0;
    static int kept = 8;
#pragma omp target
    {
        s += global;
        global = 77;
        ratio *= s;
        a[1] = s;
        *p = 42;
        p = 0;
        q.b = 60;
        c = GREEN;
        wide++;
        flag = 1;
        kept++;
    }
    printf("%d %d %g %d %d %d %d %d %lld %d %d\n", s, global, ratio, a[1], a[0], p == a, q.b, c, wide, flag, kept);
    callee(3, a);
    return 0;
}
