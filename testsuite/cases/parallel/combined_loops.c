/* The clauses of parallel for, parallel for simd, parallel loop, for simd, simd: what each makes of data, and
 * that control clauses leave results alone. */
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

static void parallel_for_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel for private(tmp) firstprivate(base) lastprivate(last) reduction(+ : sum) \
    allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel for: data", tmp, base, last, sum);
}

static void parallel_for_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel for num_threads(2) proc_bind(close) schedule(static, 2) \
    order(concurrent) collapse(2) default(none) shared(table, pointer, n) \
    if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel for: control", n, 0, 0, 0);
}

static void parallel_for_linear(void)
{
    int along = 4;
    clear();
#pragma omp parallel for linear(along : 3)
    for (int i = 0; i < N; i++) {
        table[i] += along;
        along += 3;
    }
    show("parallel for: linear", along, 0, 0, 0);
}

static void parallel_for_ordered(void)
{
    int at = 0;
    clear();
#pragma omp parallel for ordered
    for (int i = 0; i < N; i++) {
#pragma omp ordered
        table[at++] = i * i;
    }
    show("parallel for: ordered", at, 0, 0, 0);
}

static void parallel_for_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    own = 4;
    clear();
#pragma omp parallel for simd private(tmp) firstprivate(base) lastprivate(last) \
    reduction(+ : sum) allocate(base) copyin(own)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        table[i] += own;
        sum += tmp;
        last = i * 2;
    }
    show("parallel for simd: data", tmp, base, last, sum);
}

static void parallel_for_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel for simd num_threads(2) proc_bind(close) schedule(static, 2) safelen(8) \
    simdlen(4) aligned(pointer : 16) nontemporal(pointer) order(concurrent) collapse(2) \
    default(none) shared(table, pointer, n) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel for simd: control", n, 0, 0, 0);
}

static void parallel_for_simd_linear(void)
{
    int along = 4;
    clear();
#pragma omp parallel for simd linear(along : 3)
    for (int i = 0; i < N; i++) {
        table[i] += along;
        along += 3;
    }
    show("parallel for simd: linear", along, 0, 0, 0);
}

static void parallel_loop_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel loop private(tmp) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp;
        sum += tmp;
    }
    show("parallel loop: data", tmp, base, last, sum);
}

static void parallel_loop_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel loop num_threads(2) proc_bind(close) bind(parallel) order(concurrent) \
    collapse(2) default(none) shared(table, pointer, n) if(parallel : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("parallel loop: control", n, 0, 0, 0);
}

static void for_simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp for simd private(tmp) firstprivate(base) lastprivate(last) reduction(+ : sum) \
    allocate(base)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp + (base & 15);
        base |= 16;
        sum += tmp;
        last = i * 2;
    }
    show("for simd: data", tmp, base, last, sum);
}

static void for_simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp for simd schedule(static, 2) safelen(8) simdlen(4) aligned(pointer : 16) \
    nontemporal(pointer) order(concurrent) collapse(2) if(simd : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("for simd: control", n, 0, 0, 0);
}

static void for_simd_linear(void)
{
    int along = 4;
    clear();
#pragma omp parallel num_threads(3)
#pragma omp for simd linear(along : 3)
    for (int i = 0; i < N; i++) {
        table[i] += along;
        along += 3;
    }
    show("for simd: linear", along, 0, 0, 0);
}

static void simd_data(void)
{
    int tmp = -3, base = 5, last = -1, sum = 100;
    clear();
#pragma omp simd private(tmp) lastprivate(last) reduction(+ : sum)
    for (int i = 0; i < N; i++) {
        tmp = i * 3;
        table[i] += tmp;
        sum += tmp;
        last = i * 2;
    }
    show("simd: data", tmp, base, last, sum);
}

static void simd_control(int n)
{
    int *pointer = other;
    clear();
#pragma omp simd safelen(8) simdlen(4) aligned(pointer : 16) nontemporal(pointer) \
    order(concurrent) collapse(2) if(simd : n > 3)
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            table[i * 5 + j] += i * 10 + j + n;
            pointer[i * 5 + j] += j;
        }
    show("simd: control", n, 0, 0, 0);
}

static void simd_linear(void)
{
    int along = 4;
    clear();
#pragma omp simd linear(along : 3)
    for (int i = 0; i < N; i++) {
        table[i] += along;
        along += 3;
    }
    show("simd: linear", along, 0, 0, 0);
}

int main(void)
{
    parallel_for_data();
    parallel_for_control(7);
    parallel_for_linear();
    parallel_for_ordered();
    parallel_for_simd_data();
    parallel_for_simd_control(7);
    parallel_for_simd_linear();
    parallel_loop_data();
    parallel_loop_control(7);
    for_simd_data();
    for_simd_control(7);
    for_simd_linear();
    simd_data();
    simd_control(7);
    simd_linear();
    return 0;
}
