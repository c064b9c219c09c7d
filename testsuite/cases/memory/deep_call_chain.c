/* A region deep in a call chain works on the locals of all its callers: arrays, structs, variable-length arrays. */
#include <stdio.h>

struct frame { int id; double values[40]; struct frame *caller; int *numbers; int count; };

static long descend(struct frame *caller, int depth)
{
    int numbers[depth * 10 + 5];
    struct frame mine = {depth, {0}, caller, numbers, depth * 10 + 5};
    char text[16] = "unchanged";
    for (int i = 0; i < mine.count; ++i)
        numbers[i] = i;
    if (depth < 12) {
        long below = descend(&mine, depth + 1);
        long sum = below;
        for (int i = 0; i < mine.count; ++i)
            sum = sum * 3 % 1000003 + numbers[i];
        for (int i = 0; i < 40; ++i)
            sum += (long)mine.values[i] + text[i % 9];
        return sum;
    }
#pragma omp parallel for
    for (int i = 0; i < 40; ++i)
        for (struct frame *f = &mine; f; f = f->caller) {
            f->values[i] += i * f->id;
            if (i < f->count)
                f->numbers[i] += f->id * 2;
        }
    return numbers[3] + (long)mine.values[39];
}

int main(void)
{
    int on_main = 5, *p = &on_main;
    long r = descend(NULL, 1);
#pragma omp parallel
#pragma omp single
    *p += 37;
    printf("%ld %d\n", r, on_main);
    return 0;
}
