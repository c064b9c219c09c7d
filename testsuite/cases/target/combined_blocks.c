/* The clauses of target parallel and target teams, and those of the constructs that move data. */
#include <omp.h>
#include <stdio.h>

static int table[16], marks[16];

static void parallel(int n)
{
    int tmp = 3, base = 5, sum = 100, scale = 2, *pointer = marks;
#pragma omp target parallel device(0) if(target : n > 1) if(parallel : n > 2) num_threads(3) proc_bind(close) thread_limit(4) \
    default(none) shared(table, pointer) map(tofrom : table) is_device_ptr(pointer) private(tmp) firstprivate(base) reduction(+ : sum) \
    allocate(base) defaultmap(firstprivate : scalar)
    {
        tmp = omp_get_thread_num();
        table[tmp] = base + tmp;
        base = 0;
        pointer[tmp]++;
        sum += omp_get_num_threads();
    }
    printf("parallel %d %d %d, %d %d %d, %d %d %d\n", table[0], table[1], table[2], tmp, base, sum, marks[0], marks[1], marks[2]);
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target parallel num_threads(2) nowait depend(out : scale) has_device_addr(table) map(tofrom : scale)
        {
#pragma omp atomic
            scale += 10;
            table[omp_get_thread_num()] += 1000;
        }
#pragma omp task depend(in : scale)
        printf("later %d %d %d\n", scale, table[0], table[1]);
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target parallel num_threads(1) in_reduction(+ : sum)
        sum += 5;
    }
    printf("reduced %d\n", sum);
}

static void teams(int n)
{
    int tmp = 3, base = 5, sum = 0, scale = 2, limit = 0, *pointer = marks;
#pragma omp target teams device(0) if(target : n > 1) num_teams(2) thread_limit(3) default(none) shared(table, pointer) \
    map(tofrom : table) is_device_ptr(pointer) private(tmp) firstprivate(base) reduction(+ : sum) allocate(base) \
    defaultmap(tofrom : scalar) shared(limit)
    {
        tmp = omp_get_team_num();
        table[tmp] = base + tmp;
        base = 0;
        pointer[8 + tmp] += 2;
        sum += 1;
#pragma omp parallel num_threads(1)
        if (tmp == 0)
            limit = omp_get_thread_limit();
    }
    printf("teams %d %d %d, %d %d\n", table[0], tmp, base, marks[8], sum >= 1 && sum <= 2 && limit <= 3);
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp target teams num_teams(1) nowait depend(out : scale) has_device_addr(table) map(tofrom : scale)
        {
            scale += 10;
            table[0] += 1000;
        }
#pragma omp task depend(in : scale)
        printf("later %d %d\n", scale, table[0]);
    }
#pragma omp parallel num_threads(2)
#pragma omp single
#pragma omp taskgroup task_reduction(+ : sum)
    {
#pragma omp target teams num_teams(1) in_reduction(+ : sum)
        sum = sum;
    }
}

static void moved(int n)
{
    int scale = 1;
#pragma omp target data if(n > 1) device(0) map(tofrom : table) use_device_addr(table)
    table[5] = 55;
#pragma omp parallel num_threads(2)
#pragma omp single
    {
#pragma omp task depend(out : scale)
        scale = 2;
#pragma omp target enter data if(n > 1) device(0) map(to : table) depend(inout : scale) nowait
#pragma omp task depend(inout : scale)
        scale = scale * 10 + 3;
#pragma omp target update from(table) depend(inout : scale) nowait
#pragma omp task depend(inout : scale)
        scale = scale * 10 + 4;
#pragma omp target exit data if(n > 1) device(0) map(from : table) depend(inout : scale) nowait
#pragma omp target depend(inout : scale) nowait map(tofrom : scale) has_device_addr(table) firstprivate(n) allocate(n)
        {
            scale = scale * 10 + n + table[5] / 11;
            n = 0;
        }
#pragma omp taskwait
    }
    printf("moved %d %d %d\n", table[5], scale, n);
}

int main(void)
{
    omp_set_dynamic(0);
    parallel(7);
    teams(7);
    moved(2);
    return 0;
}
