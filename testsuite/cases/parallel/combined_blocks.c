/* The clauses of parallel sections, parallel master and parallel masked. */
#include <omp.h>
#include <stdio.h>

static int own, table[8];
#pragma omp threadprivate(own)

static void sections(int n)
{
    int tmp = 3, base = 5, last = -1, sum = 100, threads = 0;
    own = 40;
#pragma omp parallel sections num_threads(3) if(parallel : n > 1) proc_bind(close) default(none) shared(table, threads) \
    private(tmp) firstprivate(base) lastprivate(last) reduction(+ : sum) copyin(own) allocate(base)
    {
        {
            tmp = base;
            base = 0;
            table[0] = tmp + own;
            sum += 1;
            last = 10;
        }
#pragma omp section
        {
            tmp = 7;
            table[1] = tmp + own;
            sum += 2;
            last = 20;
        }
#pragma omp section
        {
            tmp = 8;
            table[2] = tmp + own;
            threads = omp_get_num_threads();
            sum += 4;
            last = 30;
        }
    }
    printf("sections %d %d %d, %d %d %d %d, %d\n", table[0], table[1], table[2], tmp, base, last, sum, threads);
#pragma omp parallel sections if(n > 100)
    {
        threads = omp_get_num_threads();
    }
    printf("sections if %d\n", threads);
}

static void master(int n)
{
    int tmp = 3, base = 5, sum = 100, threads = 0, who = -1;
    own = 50;
#pragma omp parallel master num_threads(3) if(parallel : n > 1) proc_bind(spread) default(none) shared(table, threads, who) \
    private(tmp) firstprivate(base) reduction(+ : sum) copyin(own) allocate(base)
    {
        tmp = base;
        base = 0;
        table[3] = tmp + own;
        sum += 9;
        threads = omp_get_num_threads();
        who = omp_get_thread_num();
    }
    printf("master %d, %d %d %d, %d %d\n", table[3], tmp, base, sum, threads, who);
#pragma omp parallel master if(n > 100)
    threads = omp_get_num_threads();
    printf("master if %d\n", threads);
}

static void masked(int n)
{
    int tmp = 3, base = 5, sum = 100, threads = 0, who = -1;
    own = 60;
#pragma omp parallel masked filter(2) num_threads(3) if(parallel : n > 1) proc_bind(primary) default(none) \
    shared(table, threads, who) private(tmp) firstprivate(base) reduction(+ : sum) copyin(own) allocate(base)
    {
        tmp = base;
        base = 0;
        table[4] = tmp + own;
        sum += 9;
        threads = omp_get_num_threads();
        who = omp_get_thread_num();
    }
    printf("masked %d, %d %d %d, %d %d\n", table[4], tmp, base, sum, threads, who);
#pragma omp parallel masked if(n > 100)
    threads = omp_get_num_threads();
    printf("masked if %d\n", threads);
}

int main(void)
{
    omp_set_dynamic(0);
    sections(7);
    master(7);
    masked(7);
    return 0;
}
