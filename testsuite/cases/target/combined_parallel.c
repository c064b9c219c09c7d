/* The clauses of target parallel for, target parallel for simd, target parallel loop, target simd: what each
 * makes of data, and that control clauses leave results alone. */
#include <omp.h>
#include <stdio.h>

enum { N = 20 };
static int table[N], other[N];

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

static void target_parallel_for_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target parallel for private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target parallel for: data", tmp, base, last, sum);
}

static void target_parallel_for_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target parallel for num_threads(2) proc_bind(close) device(0) thread_limit(3) \
    schedule(static, 2) order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    map(tofrom : table) defaultmap(tofrom : pointer) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target parallel for: control", n, 0, 0, 0);
}

static void target_parallel_for_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target parallel for is_device_ptr(pointer) has_device_addr(table) \
    depend(inout : sum) nowait defaultmap(firstprivate : scalar) private(tmp) \
    firstprivate(base) allocate(omp_default_mem_alloc : base)
    for (int i = 0; i < N; i++) {
        tmp = i + scale;
        table[i] += tmp + base;
        pointer[i] += tmp;
    }
#pragma omp taskwait depend(in : sum)
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target parallel for in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target parallel for: later", tmp, base, scale, sum);
}

static void target_parallel_for_ordered(void)
{
    int at = 0;
    clear();
#pragma omp target parallel for ordered map(tofrom : at) map(tofrom : table)
    for (int i = 0; i < N; i++) {
#pragma omp ordered
        table[at++] = i * i;
    }
    show("target parallel for: ordered", at, 0, 0, 0);
}

static void target_parallel_for_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target parallel for simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target parallel for simd: data", tmp, base, last, sum);
}

static void target_parallel_for_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target parallel for simd num_threads(2) proc_bind(close) device(0) \
    thread_limit(3) schedule(static, 2) safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) order(concurrent) collapse(2) default(none) \
    shared(table, pointer, n) map(tofrom : table) defaultmap(tofrom : pointer) \
    if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target parallel for simd: control", n, 0, 0, 0);
}

static void target_parallel_for_simd_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target parallel for simd is_device_ptr(pointer) has_device_addr(table) \
    depend(inout : sum) nowait defaultmap(firstprivate : scalar) private(tmp) \
    firstprivate(base) allocate(omp_default_mem_alloc : base)
    for (int i = 0; i < N; i++) {
        tmp = i + scale;
        table[i] += tmp + base;
        pointer[i] += tmp;
    }
#pragma omp taskwait depend(in : sum)
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target parallel for simd in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target parallel for simd: later", tmp, base, scale, sum);
}

static void target_parallel_loop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target parallel loop private(tmp) reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp;
        sum += tmp;
    }
    show("target parallel loop: data", tmp, base, last, sum);
}

static void target_parallel_loop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target parallel loop num_threads(2) proc_bind(close) device(0) thread_limit(3) \
    bind(parallel) order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    map(tofrom : table) defaultmap(tofrom : pointer) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target parallel loop: control", n, 0, 0, 0);
}

static void target_parallel_loop_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target parallel loop is_device_ptr(pointer) has_device_addr(table) \
    depend(inout : sum) nowait defaultmap(firstprivate : scalar) private(tmp) \
    firstprivate(base) allocate(omp_default_mem_alloc : base)
    for (int i = 0; i < N; i++) {
        tmp = i + scale;
        table[i] += tmp + base;
        pointer[i] += tmp;
    }
#pragma omp taskwait depend(in : sum)
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target parallel loop in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target parallel loop: later", tmp, base, scale, sum);
}

static void target_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target simd private(tmp) firstprivate(base) lastprivate(last) reduction(+ : sum) \
    allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target simd: data", tmp, base, last, sum);
}

static void target_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target simd device(0) thread_limit(3) safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) order(concurrent) collapse(2) map(tofrom : table) \
    defaultmap(tofrom : pointer) if(target : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target simd: control", n, 0, 0, 0);
}

static void target_simd_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target simd is_device_ptr(pointer) has_device_addr(table) depend(inout : sum) \
    nowait defaultmap(firstprivate : scalar) private(tmp) firstprivate(base) \
    allocate(omp_default_mem_alloc : base)
    for (int i = 0; i < N; i++) {
        tmp = i + scale;
        table[i] += tmp + base;
        pointer[i] += tmp;
    }
#pragma omp taskwait depend(in : sum)
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target simd in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target simd: later", tmp, base, scale, sum);
}

int main(void)
{
    target_parallel_for_data();
    target_parallel_for_control(7);
    target_parallel_for_later();
    target_parallel_for_ordered();
    target_parallel_for_simd_data();
    target_parallel_for_simd_control(7);
    target_parallel_for_simd_later();
    target_parallel_loop_data();
    target_parallel_loop_control(7);
    target_parallel_loop_later();
    target_simd_data();
    target_simd_control(7);
    target_simd_later();
    return 0;
}
