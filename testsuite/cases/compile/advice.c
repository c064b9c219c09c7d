/* Clauses that tell the compiler or the runtime something and change no result: hint, allocate, affinity, mergeable, and those of declare
 * simd. */
#include <omp.h>
#include <stdio.h>

#pragma omp declare simd simdlen(4) aligned(table : 16) uniform(table) linear(k : 1) inbranch
static int weight(const int *table, int k)
{
    return table[k] * 2 + k;
}

int main(void)
{
    static int table[32] __attribute__((aligned(64)));
    int sum = 0, high = 0, base = 5, last = 0, team = 0, copy = 0;
#pragma omp parallel num_threads(4) private(base) allocate(omp_default_mem_alloc : base)
    {
        base = omp_get_thread_num();
#pragma omp critical(named) hint(omp_sync_hint_contended)
        sum += base;
#pragma omp atomic relaxed hint(omp_sync_hint_uncontended)
        high += 2;
#pragma omp sections private(base) allocate(base) lastprivate(last)
        {
            {
                base = 1;
                last = base;
            }
#pragma omp section
            {
                base = 2;
                last = base;
            }
        }
#pragma omp single firstprivate(team) allocate(team) private(base)
        {
            base = 7;
            team = base;
            table[31] = team;
        }
#pragma omp single
#pragma omp taskgroup task_reduction(+ : copy) allocate(copy)
        {
            for (int k = 0; k < 8; k++) {
#pragma omp task mergeable firstprivate(k) allocate(k) affinity(table[k]) in_reduction(+ : copy)
                {
                    table[k] = k * k;
                    copy += k;
                }
            }
        }
#pragma omp for firstprivate(last) allocate(last)
        for (int k = 8; k < 31; k++)
            table[k] = k + last;
    }
    int total = 0;
#pragma omp simd reduction(+ : total) nontemporal(table) order(concurrent)
    for (int k = 0; k < 32; k++)
        if (table[k] % 2)
            total += weight(table, k);
    printf("%d %d %d %d %d %d %d\n", sum, high, base, last, team, copy, total);
    return 0;
}
