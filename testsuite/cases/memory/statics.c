/* Static locals, in the function with the region and in functions called from it; initialised and zeroed data. */
#include <stdio.h>

static int initialised[3000] = {1, 2, 3};
static int zeroed[3000];

static int next_serial(void)
{
    static int n = 41;
    return ++n;
}

static void touch(int i)
{
    static int visits[100], marks[100] = {5, 4, 3};
    visits[i] += 1;
    marks[i] += visits[i];
    initialised[i] += marks[i];
    zeroed[2999 - i] = marks[i];
}

int main(void)
{
    for (int round = 0; round < 4; ++round) {
#pragma omp parallel for
        for (int i = 0; i < 100; ++i)
            touch(i);
#pragma omp parallel
        {
            static int once;
#pragma omp single
            once += next_serial();
            if (once == -1)
                zeroed[0] = once;
        }
    }
    long a = 0, b = 0;
    for (int i = 0; i < 3000; ++i)
        a = (a * 3 + initialised[i]) % 1000003, b = (b * 5 + zeroed[i]) % 1000003;
    printf("%ld %ld %d\n", a, b, next_serial());
    return 0;
}
