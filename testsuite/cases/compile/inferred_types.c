/* `__auto_type`: variables whose type only their initializer says, captured and made private. */
#include <stdio.h>

struct point {
    double x, y;
};

static struct point make(int n) { return (struct point){n, 2 * n}; }

int main(void)
{
    double table[4] = {1, 2, 3, 4};
    char letter = 3;
    __auto_type first = table;
    const __auto_type small = letter;
    __auto_type mixed = 4u + small;
    __auto_type point = make(small);
    __auto_type again = first + 1;
    long sum = 0;
#pragma omp parallel for reduction(+ : sum) firstprivate(small, mixed)
    for (unsigned i = 0; i < 4; i++) {
        first[i] += small + sizeof small;
        sum += (long)point.y + mixed;
        if (i == 3)
            again[2] += 1;
    }
    printf("%g %g %ld %zu\n", first[0], again[2], sum, sizeof small);
    return 0;
}
