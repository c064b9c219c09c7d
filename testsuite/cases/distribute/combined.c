/* The clauses of distribute, distribute simd, distribute parallel for, distribute parallel for simd: what
 * each makes of data, and that control clauses leave results alone. */
#include <omp.h>
#include <stdio.h>

enum { N = 20 };
static int table[N], other[N];
static int own;
#pragma omp threadprivate(own)

static void clear(void)
{
    for (int i = 0; i < N; i++)
        table[i] = other[i] = 0;
}

static void show(const char *what, int a, int b, int c, int d)
{
    long weighted = 0;
    for (int i = 0; i < N; i++)
        weighted += (table[i] + 2 * other[i]) * (i + 1L);
    printf("%s %ld %d %d %d %d\n", what, weighted, a, b, c, d);
}

static void distribute_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute private(tmp) firstprivate(base) lastprivate(last) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        last = i * 2;
    }
    show("distribute: data", tmp, base, last, sum);
}

static void distribute_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute dist_schedule(static, 2) order(concurrent) collapse(2)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("distribute: control", n, 0, 0, 0);
}

static void distribute_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("distribute simd: data", tmp, base, last, sum);
}

static void distribute_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute simd dist_schedule(static, 2) safelen(8) simdlen(4) \
    aligned(pointer : 16) nontemporal(pointer) order(concurrent) collapse(2) if(simd : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("distribute simd: control", n, 0, 0, 0);
}

static void distribute_parallel_for_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute parallel for private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("distribute parallel for: data", tmp, base, last, sum);
}

static void distribute_parallel_for_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute parallel for num_threads(2) proc_bind(close) dist_schedule(static, 2) \
    schedule(static, 2) order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("distribute parallel for: control", n, 0, 0, 0);
}

static void distribute_parallel_for_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute parallel for simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("distribute parallel for simd: data", tmp, base, last, sum);
}

static void distribute_parallel_for_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp teams num_teams(2)
#pragma omp distribute parallel for simd num_threads(2) proc_bind(close) \
    dist_schedule(static, 2) schedule(static, 2) safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) order(concurrent) collapse(2) default(none) \
    shared(table, pointer, n) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("distribute parallel for simd: control", n, 0, 0, 0);
}

int main(void)
{
    distribute_data();
    distribute_control(7);
    distribute_simd_data();
    distribute_simd_control(7);
    distribute_parallel_for_data();
    distribute_parallel_for_control(7);
    distribute_parallel_for_simd_data();
    distribute_parallel_for_simd_control(7);
    return 0;
}
