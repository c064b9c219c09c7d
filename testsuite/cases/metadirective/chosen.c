/* What is known at translation: vendors, devices, constructs around the directive, literal conditions, scores; nothing at all. */
//# skip-oracle
#include <omp.h>
#include <stdlib.h>

#define CHECK(condition) \
    do {                 \
        if (!(condition)) \
            exit(__LINE__ % 200 + 1); \
    } while (0)

static int a[100], tasks;

static void fill(int plus)
{
#pragma omp metadirective when(construct = {parallel} : for schedule(static)) otherwise(parallel for)
    for (int i = 0; i < 100; i++)
        a[i] = i + plus;
    for (int i = 0; i < 100; i++)
        CHECK(a[i] == i + plus);
}

int main(void)
{
    int sum = 0, levels = 0;
    fill(1);
#pragma omp metadirective when(implementation = {vendor(nvidia)} : target teams distribute parallel for) \
    when(implementation = {vendor(gnu)}, device = {kind(host)} : parallel for reduction(+ : sum)) default(simd)
    for (int i = 0; i < 100; i++)
        sum += a[i];
    CHECK(sum == 5050);

#pragma omp metadirective when(user = {condition(0)} : parallel num_threads(7)) when(device = {kind(gpu)} : target)
    levels += omp_get_level() + 1;
    CHECK(levels == 1);

#pragma omp parallel num_threads(2)
    {
#pragma omp metadirective when(construct = {parallel, for} : nothing) when(construct = {parallel} : for reduction(+ : tasks))
        for (int i = 0; i < 100; i++)
            tasks += 1;
#pragma omp for
        for (int i = 0; i < 4; i++)
#pragma omp metadirective when(construct = {for} : critical) otherwise(single)
            tasks += 1;
    }
    CHECK(tasks == 104);

#pragma omp metadirective when(user = {condition(score(5) : 1)} : parallel num_threads(1)) \
    when(user = {condition(score(9) : 1)} : parallel num_threads(2))
#pragma omp single
    levels = omp_get_num_threads();
    CHECK(levels == 2 || omp_get_thread_limit() < 2);
    return 0;
}
