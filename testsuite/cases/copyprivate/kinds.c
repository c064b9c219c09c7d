/* copyprivate: scalars, arrays, variable-length arrays, structs, pointers, threadprivate variables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    int a;
    double b;
};
static int counter;
static double vector[3];
#pragma omp threadprivate(counter, vector)

static int sum_of(int n)
{
    int local[n], total = 0, *shared;
#pragma omp single copyprivate(local, shared)
    {
        for (int i = 0; i < n; ++i)
            local[i] = i + 1;
        shared = malloc(sizeof *shared);
        *shared = 7;
    }
    for (int i = 0; i < n; ++i)
        total += local[i];
    total += *shared;
#pragma omp barrier
#pragma omp single
    free(shared);
    return total;
}

int main(void)
{
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int number, round;
        char text[6];
        struct pair pair;
        for (round = 0; round < 3; ++round) {
#pragma omp single copyprivate(number, text, pair, counter, vector)
            {
                number = round + 40;
                strcpy(text, "abc");
                text[1] = (char)('0' + round);
                pair.a = round;
                pair.b = round / 2.0;
                counter = round * 3;
                vector[0] = vector[1] = vector[2] = round + 0.25;
            }
            wrong += number != round + 40 || text[1] != '0' + round || text[2] != 'c';
            wrong += pair.a != round || pair.b != round / 2.0 || counter != round * 3 || vector[2] != round + 0.25;
        }
        wrong += sum_of(5) != 22;
    }
    printf("%d\n", wrong);
    return 0;
}
