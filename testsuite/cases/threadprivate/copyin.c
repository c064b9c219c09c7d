/* copyin gives every thread the values that the driver's threadprivate variables have at the start of the region. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

struct state {
    char name[13];
    double weights[1000];
};
static struct state state;
static _Thread_local int scale = 7;
static int count;
#pragma omp threadprivate(state)
#pragma omp threadprivate(scale, count)

static long weigh(void)
{
    double sum = 0;
    for (int i = 0; i < 1000; ++i)
        sum += state.weights[i];
    return (long)sum * scale + (long)strlen(state.name);
}

int main(void)
{
    long total = 0;
    for (int round = 0; round < 4; ++round) {
        strcpy(state.name, round % 2 ? "odd" : "evenly");
        for (int i = 0; i < 1000; ++i)
            state.weights[i] = i % 7 + round;
        scale = round + 1;
        long expected = weigh(), wrong = 0;
#pragma omp parallel for copyin(state, scale) reduction(+ : total, wrong)
        for (int i = 0; i < 64; ++i) {
            wrong += weigh() != expected;
            total += weigh() + i;
            count += 1;
        }
        printf("round %d: %ld wrong, total %ld\n", round, wrong, total);
    }
    return 0;
}
