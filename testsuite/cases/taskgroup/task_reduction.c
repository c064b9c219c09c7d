/* task_reduction and in_reduction: scalars of several types, arrays, sections, nested groups, descendants. */
#include <stdio.h>

static int global;

static void leaf(int n, int *p)
{
    (void)p;
#pragma omp task in_reduction(+ : global)
    global += n;
}

int main(void)
{
    int sum = 10, array[3] = {1, 2, 3}, many[8] = {0}, n = 4, inner = 0;
    double largest = -1;
    unsigned bits = 0;
    _Bool all = 1;
#pragma omp parallel
#pragma omp single
    {
        int *p = many;
#pragma omp taskgroup task_reduction(+ : sum, array) task_reduction(max : largest) task_reduction(| : bits) task_reduction(&& : all)
        {
            for (int i = 0; i < 20; ++i) {
#pragma omp task in_reduction(+ : sum, array) in_reduction(max : largest) in_reduction(| : bits) in_reduction(&& : all)
                {
                    sum += i;
                    array[i % 3] += i;
                    if (i * 0.5 > largest)
                        largest = i * 0.5;
                    bits |= 1u << (i % 5);
                    all = all && i < 19;
                }
            }
        }
#pragma omp taskgroup task_reduction(+ : p[2 : n], global)
        {
            for (int i = 0; i < 12; ++i) {
#pragma omp task in_reduction(+ : p[2 : n])
                {
                    p[2 + i % 4] += i;
                    leaf(i, p);
#pragma omp taskgroup task_reduction(+ : inner)
                    {
#pragma omp task in_reduction(+ : inner)
                        inner += 0;
                    }
                }
            }
        }
    }
    printf("%d %g %u %d %d | %d %d %d |", sum, largest, bits, all, global, array[0], array[1], array[2]);
    for (int i = 0; i < 8; ++i)
        printf(" %d", many[i]);
    printf("\n");
    return 0;
}
