/* The clauses of target teams loop, target teams distribute, target teams distribute simd, target teams
 * distribute parallel for, target teams distribute parallel for simd: what each makes of data, and that control
 * clauses leave results alone. */
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

static void target_teams_loop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target teams loop private(tmp) reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp;
        sum += tmp;
    }
    show("target teams loop: data", tmp, base, last, sum);
}

static void target_teams_loop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target teams loop device(0) num_teams(2) thread_limit(3) bind(teams) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) map(tofrom : table) \
    defaultmap(tofrom : pointer) if(target : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target teams loop: control", n, 0, 0, 0);
}

static void target_teams_loop_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams loop is_device_ptr(pointer) has_device_addr(table) \
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
#pragma omp target teams loop in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target teams loop: later", tmp, base, scale, sum);
}

static void target_teams_distribute_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target teams distribute private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target teams distribute: data", tmp, base, last, sum);
}

static void target_teams_distribute_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target teams distribute device(0) num_teams(2) thread_limit(3) \
    dist_schedule(static, 2) order(concurrent) collapse(2) default(none) \
    shared(table, pointer, n) map(tofrom : table) defaultmap(tofrom : pointer) \
    if(target : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target teams distribute: control", n, 0, 0, 0);
}

static void target_teams_distribute_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams distribute is_device_ptr(pointer) has_device_addr(table) \
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
#pragma omp target teams distribute in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target teams distribute: later", tmp, base, scale, sum);
}

static void target_teams_distribute_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target teams distribute simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target teams distribute simd: data", tmp, base, last, sum);
}

static void target_teams_distribute_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target teams distribute simd device(0) num_teams(2) thread_limit(3) \
    dist_schedule(static, 2) safelen(8) simdlen(4) aligned(pointer : 16) nontemporal(pointer) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) map(tofrom : table) \
    defaultmap(tofrom : pointer) if(target : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target teams distribute simd: control", n, 0, 0, 0);
}

static void target_teams_distribute_simd_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams distribute simd is_device_ptr(pointer) has_device_addr(table) \
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
#pragma omp target teams distribute simd in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target teams distribute simd: later", tmp, base, scale, sum);
}

static void target_teams_distribute_parallel_for_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target teams distribute parallel for private(tmp) firstprivate(base) \
    lastprivate(last) reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target teams distribute parallel for: data", tmp, base, last, sum);
}

static void target_teams_distribute_parallel_for_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target teams distribute parallel for num_threads(2) proc_bind(close) device(0) \
    num_teams(2) thread_limit(3) dist_schedule(static, 2) schedule(static, 2) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) map(tofrom : table) \
    defaultmap(tofrom : pointer) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target teams distribute parallel for: control", n, 0, 0, 0);
}

static void target_teams_distribute_parallel_for_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams distribute parallel for is_device_ptr(pointer) \
    has_device_addr(table) depend(inout : sum) nowait defaultmap(firstprivate : scalar) \
    private(tmp) firstprivate(base) allocate(omp_default_mem_alloc : base)
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
#pragma omp target teams distribute parallel for in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target teams distribute parallel for: later", tmp, base, scale, sum);
}

static void target_teams_distribute_parallel_for_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp target teams distribute parallel for simd private(tmp) firstprivate(base) \
    lastprivate(last) reduction(+ : sum) allocate(base) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("target teams distribute parallel for simd: data", tmp, base, last, sum);
}

static void target_teams_distribute_parallel_for_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp target teams distribute parallel for simd num_threads(2) proc_bind(close) \
    device(0) num_teams(2) thread_limit(3) dist_schedule(static, 2) schedule(static, 2) \
    safelen(8) simdlen(4) aligned(pointer : 16) nontemporal(pointer) order(concurrent) \
    collapse(2) default(none) shared(table, pointer, n) map(tofrom : table) \
    defaultmap(tofrom : pointer) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("target teams distribute parallel for simd: control", n, 0, 0, 0);
}

static void target_teams_distribute_parallel_for_simd_later(void)
{
    int *pointer = other, tmp = 9, base = 6, sum = 1, scale = 2;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams distribute parallel for simd is_device_ptr(pointer) \
    has_device_addr(table) depend(inout : sum) nowait defaultmap(firstprivate : scalar) \
    private(tmp) firstprivate(base) allocate(omp_default_mem_alloc : base)
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
#pragma omp target teams distribute parallel for simd in_reduction(+ : sum) map(tofrom : table)
    for (int i = 0; i < N; i++) {
        table[i]++;
        if (i == 3)
            sum += 7;
    }
    }
    show("target teams distribute parallel for simd: later", tmp, base, scale, sum);
}

int main(void)
{
    target_teams_loop_data();
    target_teams_loop_control(7);
    target_teams_loop_later();
    target_teams_distribute_data();
    target_teams_distribute_control(7);
    target_teams_distribute_later();
    target_teams_distribute_simd_data();
    target_teams_distribute_simd_control(7);
    target_teams_distribute_simd_later();
    target_teams_distribute_parallel_for_data();
    target_teams_distribute_parallel_for_control(7);
    target_teams_distribute_parallel_for_later();
    target_teams_distribute_parallel_for_simd_data();
    target_teams_distribute_parallel_for_simd_control(7);
    target_teams_distribute_parallel_for_simd_later();
    return 0;
}
