/* Nested functions (a GNU extension) in functions without OpenMP of a file that has some elsewhere. */
#include <stdio.h>

static int sum_of(const int *values, int count)
{
    int sum = 0;
    auto void add(int value);
    void add(int value)
    {
        if (value > 2) {
            sum += value;
        }
    }
    for (int i = 0; i < count; i++)
        add(values[i]);
    return sum;
}

int main(void)
{
    int values[10], total = 0;
#pragma omp parallel for reduction(+ : total)
    for (int i = 0; i < 10; i++) {
        values[i] = i;
        total += sum_of(&i, 1);
    }
    printf("%d %d\n", sum_of(values, 10), total);
    return 0;
}
