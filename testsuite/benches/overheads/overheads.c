/* What one use of each construct costs, in nanoseconds, with nothing inside it (the method of the EPCC OpenMP microbenchmarks:
 * the time of many uses minus the time of the same loop without them). One line a construct: name, nanoseconds. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static int uses = 20000;
static int shared_integer;
static double shared_real;
static omp_lock_t lock;

static void empty_parallel(void)
{
    for (int k = 0; k < uses; ++k) {
#pragma omp parallel
        __asm__ volatile("" ::: "memory");
    }
}

static void static_loops(void)
{
    int threads = omp_get_max_threads();
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp for
        for (int i = 0; i < threads; ++i)
            __asm__ volatile("" ::: "memory");
    }
}

static void dynamic_loops(void)
{
    int threads = omp_get_max_threads();
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp for schedule(dynamic)
        for (int i = 0; i < threads; ++i)
            __asm__ volatile("" ::: "memory");
    }
}

static void barriers(void)
{
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp barrier
    }
}

static void singles(void)
{
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp single
        __asm__ volatile("" ::: "memory");
    }
}

static void reductions(void)
{
    for (int k = 0; k < uses; ++k) {
#pragma omp parallel reduction(+ : shared_real)
        shared_real += 1;
    }
}

static void criticals(void)
{
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp critical
        ++shared_integer;
    }
}

static void locks(void)
{
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
        omp_set_lock(&lock);
        ++shared_integer;
        omp_unset_lock(&lock);
    }
}

static void atomics(void)
{
#pragma omp parallel
    for (int k = 0; k < uses; ++k) {
#pragma omp atomic
        shared_integer += 1;
    }
}

static void ordered_iterations(void)
{
#pragma omp parallel for ordered schedule(static, 1)
    for (int k = 0; k < uses; ++k) {
#pragma omp ordered
        ++shared_integer;
    }
}

static void tasks(void)
{
#pragma omp parallel
#pragma omp single
    {
        for (int k = 0; k < uses; ++k) {
#pragma omp task
            __asm__ volatile("" ::: "memory");
        }
#pragma omp taskwait
    }
}

static int fibonacci(int n)
{
    int a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a)
    a = fibonacci(n - 1);
#pragma omp task shared(b)
    b = fibonacci(n - 2);
#pragma omp taskwait
    return a + b;
}

/* About as many tasks as `uses`: fibonacci(18) makes 8360. */
static void recursive_tasks(void)
{
    for (int k = 0; k < (uses + 8359) / 8360; ++k) {
#pragma omp parallel
#pragma omp single
        shared_integer += fibonacci(18);
    }
}

static void measure(const char *name, void (*body)(void))
{
    double best = 1e9;
    for (int k = 0; k < 5; ++k) {
        double start = omp_get_wtime();
        body();
        double time = omp_get_wtime() - start;
        if (time < best)
            best = time;
    }
    printf("%s %.1f\n", name, best / uses * 1e9);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        uses = atoi(argv[1]);
    omp_init_lock(&lock);
    measure("parallel", empty_parallel);
    measure("for", static_loops);
    measure("for-dynamic", dynamic_loops);
    measure("barrier", barriers);
    measure("single", singles);
    measure("reduction", reductions);
    measure("critical", criticals);
    measure("lock", locks);
    measure("atomic", atomics);
    measure("ordered", ordered_iterations);
    measure("task", tasks);
    measure("task-tree", recursive_tasks);
    omp_destroy_lock(&lock);
    return 0;
}
