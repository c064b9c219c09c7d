/* A stand-in for the CAPE runtime: the threads of a team are coroutines of one process.
 *
 * Deterministic and small, so that what a translated program does can be compared with gcc -fopenmp without ranks, memory
 * tracking or locks. A coroutine runs until it waits at a barrier or asks for a dynamic chunk. Results (reductions, last
 * values, atomic updates) take effect at barriers and at the end of the region, in thread order, as cape.h promises.
 */
#define _GNU_SOURCE
#include <cape.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum { STACK = 1 << 20, MOST = 64 };

const char cape_abi_3 = 1;

struct result {
    struct result *next;
    void *original, *value;
    __SIZE_TYPE__ size, count;
    cape_combiner combine; /* null: the value is assigned */
};

struct shared_loop {
    unsigned long long next, iterations;
};

struct thread {
    ucontext_t context;
    char *stack;
    int done, waiting;
    unsigned loops, singles;
    struct result *first, **last;
};

struct team {
    ucontext_t caller;
    int size, current;
    void (*region)(void **);
    void **env;
    struct thread threads[MOST];
    struct shared_loop loops[4096];
    unsigned singles;
};

static struct team *team;
static int levels;

static int wanted(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    int number = text ? atoi(text) : 4;
    return number > 0 && number <= MOST ? number : 4;
}

static struct thread *self(void) { return &team->threads[team->current]; }

static void apply(struct thread *thread)
{
    struct result *result = thread->first, *next;
    for (; result; result = next) {
        next = result->next;
        if (result->combine)
            result->combine(result->original, result->value, result->count);
        else
            memcpy(result->original, result->value, result->size);
        free(result->value);
        free(result);
    }
    thread->first = 0;
    thread->last = &thread->first;
}

static void later(void *original, const void *value, __SIZE_TYPE__ size, __SIZE_TYPE__ count, cape_combiner combine)
{
    struct result *result;
    if (!team || levels > 1) {
        if (combine)
            combine(original, value, count);
        else
            memcpy(original, value, size);
        return;
    }
    result = malloc(sizeof *result);
    result->next = 0;
    result->original = original;
    result->size = size * count;
    result->count = count;
    result->value = malloc(result->size + 1);
    memcpy(result->value, value, result->size);
    result->combine = combine;
    *self()->last = result;
    self()->last = &result->next;
}

static void pause_thread(void) { swapcontext(&self()->context, &team->caller); }

static void entry(void)
{
    team->region(team->env);
    self()->done = 1;
    pause_thread();
}

void cape_parallel(const struct cape_site *site, void (*region)(void **env), void **env, unsigned captures, int num_threads,
                   int parallel_if, int proc_bind)
{
    int k, running;
    (void)site;
    (void)proc_bind;
    (void)captures;
    if (team) {
        ++levels;
        region(env);
        --levels;
        return;
    }
    team = calloc(1, sizeof *team);
    levels = 1;
    team->size = !parallel_if ? 1 : num_threads > 0 && num_threads <= MOST ? num_threads : wanted();
    team->region = region;
    team->env = env;
    for (k = 0; k < team->size; ++k) {
        struct thread *thread = &team->threads[k];
        thread->last = &thread->first;
        thread->stack = malloc(STACK);
        getcontext(&thread->context);
        thread->context.uc_stack.ss_sp = thread->stack;
        thread->context.uc_stack.ss_size = STACK;
        makecontext(&thread->context, entry, 0);
    }
    do {
        int waiting = 0;
        running = 0;
        for (k = 0; k < team->size; ++k) {
            if (team->threads[k].done)
                continue;
            if (!team->threads[k].waiting) {
                team->current = k;
                swapcontext(&team->caller, &team->threads[k].context);
            }
            running += !team->threads[k].done;
            waiting += team->threads[k].waiting;
        }
        if (waiting == running)
            for (k = 0; k < team->size; ++k) {
                apply(&team->threads[k]);
                team->threads[k].waiting = 0;
            }
    } while (running);
    for (k = 0; k < team->size; ++k)
        free(team->threads[k].stack);
    free(team);
    team = 0;
    levels = 0;
}

static int team_size(void) { return team && levels == 1 ? team->size : 1; }
static int team_rank(void) { return team && levels == 1 ? team->current : 0; }

/* reserved: 0 iterations, 1 chunk, 2 next (static) or number of the shared loop */
void cape_loop_begin(struct cape_loop *loop, const struct cape_site *site, unsigned long long iterations, int schedule,
                     long long chunk)
{
    unsigned long long size = team_size(), rank = team_rank();
    (void)site;
    memset(loop, 0, sizeof *loop);
    loop->reserved_kind = schedule;
    loop->reserved[0] = iterations;
    if (schedule == CAPE_STATIC || schedule == CAPE_AUTO || team_size() == 1) {
        loop->reserved_kind = CAPE_STATIC;
        loop->reserved[1] = chunk > 0 ? (unsigned long long)chunk : 0;
        loop->reserved[2] = chunk > 0 ? rank * chunk : iterations / size * rank + (rank < iterations % size ? rank : iterations % size);
        return;
    }
    loop->reserved[1] = chunk > 0 ? (unsigned long long)chunk : 1;
    loop->reserved[2] = self()->loops++;
    team->loops[loop->reserved[2] % 4096].iterations = iterations;
}

int cape_loop_next(struct cape_loop *loop)
{
    unsigned long long iterations = loop->reserved[0], size = team_size(), rank = team_rank();
    if (loop->reserved_kind == CAPE_STATIC) {
        loop->first = loop->reserved[2];
        if (loop->reserved[1]) {
            loop->end = loop->first + loop->reserved[1];
            loop->reserved[2] += size * loop->reserved[1];
        } else {
            loop->end = loop->first + iterations / size + (rank < iterations % size);
            if (loop->reserved[3]++)
                return 0;
        }
    } else {
        struct shared_loop *shared = &team->loops[loop->reserved[2] % 4096];
        pause_thread();
        loop->first = shared->next;
        loop->end = loop->first + loop->reserved[1];
        if (loop->first < iterations)
            shared->next = loop->end;
    }
    if (loop->first >= iterations || loop->first >= loop->end)
        return 0;
    if (loop->end >= iterations) {
        loop->end = iterations;
        loop->last = 1;
    }
    return 1;
}

void cape_loop_end(struct cape_loop *loop) { (void)loop; }

int cape_single(const struct cape_site *site)
{
    (void)site;
    if (!team || levels > 1)
        return 1;
    if (self()->singles++ == team->singles) {
        ++team->singles;
        return 1;
    }
    return 0;
}

int cape_master(void) { return team_rank() == 0; }

int cape_barrier(const struct cape_site *site)
{
    (void)site;
    if (team && levels <= 1) {
        self()->waiting = 1;
        pause_thread();
    }
    return 0;
}

void cape_critical_enter(const struct cape_site *site, struct cape_critical *lock) { (void)site, (void)lock; }
void cape_critical_exit(const struct cape_site *site, struct cape_critical *lock) { (void)site, (void)lock; }

void cape_reduce(const struct cape_site *site, void *original, const void *partial, __SIZE_TYPE__ size, __SIZE_TYPE__ count,
                 cape_combiner combine)
{
    (void)site;
    later(original, partial, size, count, combine);
}

void cape_assign(const struct cape_site *site, void *original, const void *value, __SIZE_TYPE__ bytes)
{
    (void)site;
    later(original, value, bytes, 1, 0);
}

void cape_atomic_update(void *x, const void *operand, __SIZE_TYPE__ size, cape_combiner combine)
{
    (void)size;
    combine(x, operand, 1);
}

int cape_alone;
void cape_atomic_enter(const struct cape_site *site, int kind) {
    (void)kind; (void)site; }
void cape_atomic_exit(const struct cape_site *site, int kind) {
    (void)kind; (void)site; }

int omp_get_thread_num(void) { return team_rank(); }
int omp_get_num_threads(void) { return team_size(); }
int omp_get_max_threads(void) { return wanted(); }
int omp_get_num_procs(void) { return wanted(); }
int omp_in_parallel(void) { return team && team->size > 1; }
int omp_get_level(void) { return levels; }
void omp_set_num_threads(int number) { (void)number; }
void omp_set_nested(int nested) { (void)nested; }
void omp_set_dynamic(int dynamic) { (void)dynamic; }
double omp_get_wtime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
