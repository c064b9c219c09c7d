/* Functions called through pointers in tables, structs and parameters; pointers stored in regions by other threads. */
#include <stdio.h>
#include <stdlib.h>

static int add(int x) { return x + 3; }
static int twice(int x) { return x * 2; }
static int square(int x) { return x * x; }
static int labs_as_int(int x) { return (int)labs((long)x); }
typedef int (*operation)(int);
struct task { operation op; int input, output; };
static operation table[3] = {add, twice, square};

int main(void)
{
    struct task tasks[60];
    int again[60];
#pragma omp parallel for
    for (int i = 0; i < 60; ++i) {
        tasks[i].op = table[i % 3];
        tasks[i].input = i;
    }
#pragma omp parallel for
    for (int i = 0; i < 60; ++i) {
        struct task *t = &tasks[59 - i];
        t->output = t->op(t->input);
        again[59 - i] = (i % 2 ? abs : labs_as_int)(-t->output);
    }
    long sum = 0;
    for (int i = 0; i < 60; ++i)
        sum = sum * 7 % 1000003 + again[i];
    printf("%ld\n", sum);
    return 0;
}
