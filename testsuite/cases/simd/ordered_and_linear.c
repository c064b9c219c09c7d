/* ordered simd in loops with simd, and linear on combined constructs with simd or target. */
#include <stdio.h>

enum { N = 24 };
static int table[N], order[N], at;

static void show(const char *what, int value)
{
    long sum = 0;
    for (int i = 0; i < N; i++) {
        sum += (i + 1L) * table[i] + (N - i) * (long)order[i];
        table[i] = order[i] = 0;
    }
    at = 0;
    printf("%s %ld %d\n", what, sum, value);
}

int main(void)
{
    int along = 4, i;
#pragma omp parallel for simd ordered num_threads(3)
    for (int k = 0; k < N; k++) {
#pragma omp ordered simd
        table[k] += k * k;
    }
    show("parallel for simd ordered", 0);
#pragma omp parallel num_threads(3)
#pragma omp for simd ordered schedule(static, 4)
    for (int k = 0; k < N; k++) {
        table[k] += 3 * k;
#pragma omp ordered simd threads
        order[at++] = k;
    }
    show("for simd ordered", 0);
#pragma omp simd
    for (int k = 0; k < N; k++) {
#pragma omp ordered simd
        order[at++] = k;
    }
    show("simd ordered", 0);
#pragma omp target parallel for linear(along : 2) map(tofrom : table, along)
    for (int k = 0; k < N; k++) {
        table[k] = along;
        along += 2;
    }
    show("target parallel for linear", along);
#pragma omp target parallel for simd linear(along : 3) map(tofrom : table, along)
    for (int k = 0; k < N; k++) {
        table[k] = along;
        along += 3;
    }
    show("target parallel for simd linear", along);
#pragma omp target simd linear(along : 1) map(tofrom : table, along)
    for (int k = 0; k < N; k++) {
        table[k] = along;
        along++;
    }
    show("target simd linear", along);
#pragma omp teams num_teams(2)
#pragma omp distribute simd linear(i)
    for (i = 0; i < N; i++)
        table[i] = i;
    show("distribute simd linear", i);
#pragma omp teams distribute parallel for simd linear(i) num_teams(2)
    for (i = 0; i < N; i++)
        table[i] = 2 * i;
    show("teams distribute parallel for simd linear", i);
#pragma omp target teams distribute simd linear(i) map(tofrom : table)
    for (i = 0; i < N; i++)
        table[i] = 5 * i;
    show("target teams distribute simd linear", i);
#pragma omp target parallel loop lastprivate(i) map(tofrom : table)
    for (i = 0; i < N; i++)
        table[i] = 7 * i;
    show("target parallel loop lastprivate", i);
#pragma omp teams loop lastprivate(i)
    for (i = 0; i < N; i++)
        table[i] = 8 * i;
    show("teams loop lastprivate", i);
#pragma omp target teams loop lastprivate(i) map(tofrom : table)
    for (i = 0; i < N; i++)
        table[i] = 9 * i;
    show("target teams loop lastprivate", i);
    return 0;
}
