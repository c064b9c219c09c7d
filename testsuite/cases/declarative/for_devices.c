/* declare target with device_type, and clauses of teams and taskloop that are rare. */
#include <omp.h>
#include <stdio.h>

static int counted, table[20];
#pragma omp declare target to(counted, table) device_type(any)

#pragma omp declare target
static int twice(int x)
{
    return 2 * x;
}
#pragma omp end declare target
#pragma omp declare target to(twice) device_type(host)

int main(void)
{
    int kept;
    int along = 3, base = 4;
    kept = 6;
#pragma omp target
    {
        counted = twice(21);
        table[3] = counted + kept;
    }
    printf("%d %d\n", counted, table[3]);
#pragma omp teams num_teams(1) firstprivate(base) allocate(base)
    {
        base++;
        table[4] = base;
    }
    printf("%d %d\n", table[4], base);
#pragma omp parallel num_threads(3)
#pragma omp master taskloop simd linear(along : 5) num_tasks(3)
    for (int k = 0; k < 20; k++) {
        table[k] = along;
        along += 5;
    }
    printf("%d %d\n", along, table[19]);
#pragma omp parallel masked taskloop simd linear(along : 2) grainsize(4)
    for (int k = 0; k < 20; k++) {
        table[k] = along;
        along += 2;
    }
    printf("%d %d\n", along, table[19]);
    return 0;
}
