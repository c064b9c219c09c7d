/* Conditions that are known at run time only: loops, blocks, stand-alone directives, one metadirective inside of another. */
//# skip-oracle
#include <omp.h>
#include <stdlib.h>

#define CHECK(condition) \
    do {                 \
        if (!(condition)) \
            exit(__LINE__ % 200 + 1); \
    } while (0)

static int a[64];

static int run(int parallel, int guided, int twice)
{
    int count = 0, members = 0;
#pragma omp metadirective when(user = {condition(parallel)} : parallel num_threads(2) reduction(+ : count, members))
    {
        members += 1;
#pragma omp metadirective when(construct = {parallel}, user = {condition(guided && twice)} : for schedule(guided, 2)) \
    when(construct = {parallel}, user = {condition(guided)} : for schedule(guided)) when(construct = {parallel} : for)
        for (int i = 0; i < 64; i++) {
            a[i] += 1 + parallel;
            if (twice)
                count++;
            else
                count += 2;
        }
#pragma omp metadirective when(user = {condition(guided)} : barrier) otherwise(taskwait)
        members += 0;
    }
    CHECK(members == (parallel ? 2 : 1));
    return count;
}

int main(void)
{
    for (int mask = 0; mask < 8; mask++)
        CHECK(run(mask & 1, mask >> 1 & 1, mask >> 2) == (mask >> 2 ? 64 : 128));
    for (int i = 0; i < 64; i++)
        CHECK(a[i] == 12);
    if (a[0])
#pragma omp metadirective when(user = {condition(a[1] == 12)} : parallel for) otherwise(simd)
        for (int i = 0; i < 64; i++)
            a[i] = -i;
    else
        exit(1);
    for (int i = 0; i < 64; i++)
        CHECK(a[i] == -i);
    return 0;
}
