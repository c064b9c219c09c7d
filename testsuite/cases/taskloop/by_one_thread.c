/* The clauses of master taskloop, master taskloop simd, masked taskloop, masked taskloop simd, taskloop,
 * taskloop simd: what each makes of data, and that control clauses leave results alone. */
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

static void master_taskloop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp master taskloop private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("master taskloop: data", tmp, base, last, sum);
}

static void master_taskloop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp master taskloop grainsize(2) final(n > 100) untied mergeable priority(1) \
    collapse(2) default(none) shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("master taskloop: control", n, 0, 0, 0);
}

static void master_taskloop_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2) reduction(task, + : sum)
#pragma omp master taskloop num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel num_threads(3)
#pragma omp master taskloop nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("master taskloop: more", sum, late, 0, 0);
}

static void master_taskloop_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp master taskloop simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("master taskloop simd: data", tmp, base, last, sum);
}

static void master_taskloop_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp master taskloop simd safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) grainsize(2) final(n > 100) untied mergeable priority(1) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("master taskloop simd: control", n, 0, 0, 0);
}

static void master_taskloop_simd_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2) reduction(task, + : sum)
#pragma omp master taskloop simd num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel num_threads(3)
#pragma omp master taskloop simd nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("master taskloop simd: more", sum, late, 0, 0);
}

static void masked_taskloop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("masked taskloop: data", tmp, base, last, sum);
}

static void masked_taskloop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop filter(1) grainsize(2) final(n > 100) untied mergeable \
    priority(1) collapse(2) default(none) shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("masked taskloop: control", n, 0, 0, 0);
}

static void masked_taskloop_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2) reduction(task, + : sum)
#pragma omp masked taskloop num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("masked taskloop: more", sum, late, 0, 0);
}

static void masked_taskloop_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("masked taskloop simd: data", tmp, base, last, sum);
}

static void masked_taskloop_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop simd safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) filter(1) grainsize(2) final(n > 100) untied mergeable priority(1) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("masked taskloop simd: control", n, 0, 0, 0);
}

static void masked_taskloop_simd_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2) reduction(task, + : sum)
#pragma omp masked taskloop simd num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
#pragma omp parallel num_threads(3)
#pragma omp masked taskloop simd nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("masked taskloop simd: more", sum, late, 0, 0);
}

static void taskloop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop private(tmp) firstprivate(base) lastprivate(last) reduction(+ : sum) \
    allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("taskloop: data", tmp, base, last, sum);
}

static void taskloop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop grainsize(2) final(n > 100) untied mergeable priority(1) collapse(2) \
    default(none) shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("taskloop: control", n, 0, 0, 0);
}

static void taskloop_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp taskloop num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
    }
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("taskloop: more", sum, late, 0, 0);
}

static void taskloop_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("taskloop simd: data", tmp, base, last, sum);
}

static void taskloop_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop simd safelen(8) simdlen(4) aligned(pointer : 16) nontemporal(pointer) \
    grainsize(2) final(n > 100) untied mergeable priority(1) order(concurrent) collapse(2) \
    default(none) shared(table, pointer, n) if(taskloop : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("taskloop simd: control", n, 0, 0, 0);
}

static void taskloop_simd_more(void)
{
    int sum = 3, late = 0;
    clear();
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp taskloop simd num_tasks(3) in_reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        table[i] += i;
        sum += i;
    }
    }
#pragma omp parallel num_threads(3)
#pragma omp single
#pragma omp taskloop simd nogroup
    for (int i = 0; i < N; i++)
        table[i] += 2;
    show("taskloop simd: more", sum, late, 0, 0);
}

int main(void)
{
    master_taskloop_data();
    master_taskloop_control(7);
    master_taskloop_more();
    master_taskloop_simd_data();
    master_taskloop_simd_control(7);
    master_taskloop_simd_more();
    masked_taskloop_data();
    masked_taskloop_control(7);
    masked_taskloop_more();
    masked_taskloop_simd_data();
    masked_taskloop_simd_control(7);
    masked_taskloop_simd_more();
    taskloop_data();
    taskloop_control(7);
    taskloop_more();
    taskloop_simd_data();
    taskloop_simd_control(7);
    taskloop_simd_more();
    return 0;
}
