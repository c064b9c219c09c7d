/* The clauses of parallel master taskloop, parallel master taskloop simd, parallel masked taskloop, parallel
 * masked taskloop simd: what each makes of data, and that control clauses leave results alone. */
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

static void parallel_master_taskloop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel master taskloop private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel master taskloop: data", tmp, base, last, sum);
}

static void parallel_master_taskloop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel master taskloop num_threads(2) proc_bind(close) grainsize(2) \
    final(n > 100) untied mergeable priority(1) collapse(2) default(none) \
    shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel master taskloop: control", n, 0, 0, 0);
}

static void parallel_master_taskloop_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel master taskloop num_threads(2) num_tasks(3) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel master taskloop nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("parallel master taskloop: more", sum, late, 0, 0);
}

static void parallel_master_taskloop_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel master taskloop simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel master taskloop simd: data", tmp, base, last, sum);
}

static void parallel_master_taskloop_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel master taskloop simd num_threads(2) proc_bind(close) safelen(8) \
    simdlen(4) aligned(pointer : 16) nontemporal(pointer) grainsize(2) final(n > 100) untied \
    mergeable priority(1) order(concurrent) collapse(2) default(none) \
    shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel master taskloop simd: control", n, 0, 0, 0);
}

static void parallel_master_taskloop_simd_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel master taskloop simd num_threads(2) num_tasks(3) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel master taskloop simd nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("parallel master taskloop simd: more", sum, late, 0, 0);
}

static void parallel_masked_taskloop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel masked taskloop private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel masked taskloop: data", tmp, base, last, sum);
}

static void parallel_masked_taskloop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel masked taskloop num_threads(2) proc_bind(close) filter(1) grainsize(2) \
    final(n > 100) untied mergeable priority(1) collapse(2) default(none) \
    shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel masked taskloop: control", n, 0, 0, 0);
}

static void parallel_masked_taskloop_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel masked taskloop num_threads(2) num_tasks(3) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel masked taskloop nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("parallel masked taskloop: more", sum, late, 0, 0);
}

static void parallel_masked_taskloop_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel masked taskloop simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel masked taskloop simd: data", tmp, base, last, sum);
}

static void parallel_masked_taskloop_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel masked taskloop simd num_threads(2) proc_bind(close) safelen(8) \
    simdlen(4) aligned(pointer : 16) nontemporal(pointer) filter(1) grainsize(2) \
    final(n > 100) untied mergeable priority(1) order(concurrent) collapse(2) default(none) \
    shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel masked taskloop simd: control", n, 0, 0, 0);
}

static void parallel_masked_taskloop_simd_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel masked taskloop simd num_threads(2) num_tasks(3) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel masked taskloop simd nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("parallel masked taskloop simd: more", sum, late, 0, 0);
}

int main(void)
{
    parallel_master_taskloop_data();
    parallel_master_taskloop_control(7);
    parallel_master_taskloop_more();
    parallel_master_taskloop_simd_data();
    parallel_master_taskloop_simd_control(7);
    parallel_master_taskloop_simd_more();
    parallel_masked_taskloop_data();
    parallel_masked_taskloop_control(7);
    parallel_masked_taskloop_more();
    parallel_masked_taskloop_simd_data();
    parallel_masked_taskloop_simd_control(7);
    parallel_masked_taskloop_simd_more();
    return 0;
}
