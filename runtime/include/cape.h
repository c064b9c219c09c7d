/* cape.h: the contract between code translated by capec and the CAPE runtime.
 *
 * Only translated code calls these functions; a user's program needs omp.h at most. Grouped by construct, each with the
 * section of the OpenMP 5.2 specification it serves. Every function may be called inside a parallel region or outside of
 * one, where the team is the calling thread alone ("team of one"), so that orphaned constructs need no special case.
 *
 * Words: a *site* is one construct in the source; the *image* is the memory all ranks share; *publish* and *catch up* are
 * the two operations on the job's log of deltas (see the runtime's documentation). No function here returns an error: what
 * cannot go on ends the job with a message that names the site.
 */
#ifndef CAPE_H
#define CAPE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Bumped whenever a declaration below changes meaning; checked at start. Each translated object refers to the symbol of its
 * version, so that a mismatch is a link error that names it. */
#define CAPE_ABI 3
extern const char cape_abi_3;
__attribute__((used)) static const char *const cape_abi_used = &cape_abi_3;

/* The type of sizeof, under a name that preprocessed text can use. */
typedef __SIZE_TYPE__ cape_size;

/* One construct of the source. Generated as `static const`, lives as long as the program. */
struct cape_site {
    const char *construct; /* "parallel for", "barrier", ... */
    const char *file;      /* as the line markers of the preprocessor name it */
    unsigned line;
};

/* Combines `count` consecutive elements: inout[k] = inout[k] OP in[k]. Pure: reads and writes nothing else. */
typedef void (*cape_combiner)(void *inout, const void *in, __SIZE_TYPE__ count);

/* ---- parallel (10.1) ------------------------------------------------------------------------------------------------
 *
 * Runs `region(env)` once in every thread of a new team and returns when all are done. `env` is an array of `captures`
 * addresses of (or pointers derived from) the locals the region refers to; it and they stay the caller's.
 * `num_threads` <= 0: the clause is absent. `parallel_if` == 0: a team of one. `proc_bind` is an omp_proc_bind_t, -1: the clause is
 * absent. A region inside a region of several threads is executed by threads of the rank alone.
 *
 * Memory: at entry the driver publishes and every rank catches up; at exit the workers publish and the driver catches up.
 */
void cape_parallel(const struct cape_site *site, void (*region)(void **env), void **env, unsigned captures,
                   int num_threads, int parallel_if, int proc_bind);

/* ---- teams (10.2) -----------------------------------------------------------------------------------------------------
 *
 * Runs `region(env)` once for each team of a league, one after the other, each time in the calling thread as the team's initial
 * thread. `lower` and `upper` bound the number of teams, 0: not given; `thread_limit` 0: not given. */
void cape_teams(const struct cape_site *site, void (*region)(void **env), void **env, int lower, int upper, int thread_limit);

/* ---- target (13.8) ----------------------------------------------------------------------------------------------------
 *
 * Between the two the calling thread executes an initial task of its own: outside of all regions, with the internal control variables
 * that the program began with; `thread_limit` 0: not given. */
void cape_target_begin(int thread_limit);
void cape_target_end(void);

/* ---- worksharing loops and sections (11.3, 11.5) ----------------------------------------------------------------------
 *
 * A loop nest is a sequence of `iterations` logical iterations 0, 1, ... Use:
 *
 *     struct cape_loop loop;
 *     cape_loop_begin(&loop, &site, iterations, CAPE_STATIC, 0);
 *     while (cape_loop_next(&loop))
 *         for (q = loop.first; q < loop.end; ++q) ...
 *     if (loop.last) cape_assign(...lastprivate...)
 *     cape_loop_end(&loop);
 *     cape_barrier(&site);       -- absent with nowait
 *
 * Every thread of the team must call cape_loop_begin for the same loops in the same order (as the specification demands).
 * No memory is published or caught up; the barrier does that.
 */
enum cape_schedule {
    CAPE_STATIC = 1,
    CAPE_DYNAMIC = 2,
    CAPE_GUIDED = 3,
    CAPE_AUTO = 4,
    CAPE_RUNTIME = 5,
    CAPE_DISTRIBUTE = 6,       /* over the teams of the league (11.6), in blocks or in chunks of `chunk` */
    CAPE_MONOTONIC = 1 << 8,   /* may be added: the schedule modifiers, */
    CAPE_NONMONOTONIC = 1 << 9,
    CAPE_ORDERED = 1 << 10     /* and the clause `ordered` without a parameter */
};

struct cape_loop {
    unsigned long long first, end; /* the chunk to run: logical iterations [first, end) */
    int last;                      /* nonzero once this thread has been given the sequentially last iteration */
    int reserved_kind;             /* the rest belongs to the runtime */
    unsigned long long reserved[10];
};

/* `schedule` is one of enum cape_schedule; `chunk` 0: no chunk size was given. A chunk size < 1 ends the job. */
void cape_loop_begin(struct cape_loop *loop, const struct cape_site *site, unsigned long long iterations, int schedule,
                     long long chunk);
/* 1: run [first, end), then ask again. 0: this thread has no more iterations. */
int cape_loop_next(struct cape_loop *loop);
void cape_loop_end(struct cape_loop *loop);

/* distribute over a worksharing loop (17.6): `loop`, over the iterations of the chunk in `share`, is asked for its next chunk. */
static __inline__ __attribute__((unused)) int cape_loop_next_of(struct cape_loop *loop, const struct cape_loop *share)
{
    if (!cape_loop_next(loop))
        return 0;
    loop->first += share->first;
    loop->end += share->first;
    loop->last = loop->last && share->last;
    return 1;
}

/* ordered (15.10.2): encloses the block, inside a loop that was begun with CAPE_ORDERED. Chunks take turns: the first enter in a chunk
 * waits until all chunks before it are done and catches up; the end of the chunk publishes. The loop is the calling thread's innermost
 * one, so that the construct may be orphaned. */
void cape_ordered_enter(const struct cape_site *site);
void cape_ordered_exit(const struct cape_site *site);

/* doacross (15.9.6): after cape_loop_begin of a loop with ordered(dimensions), and before the first cape_loop_next, tells the number of
 * logical iterations of each of its loops (copied). A vector holds one logical iteration number a loop. Post publishes and marks
 * the iteration; wait returns once that iteration is marked, caught up; at once if the vector lies outside of the loops. */
void cape_doacross_begin(struct cape_loop *loop, unsigned dimensions, const long long *counts);
void cape_doacross_post(struct cape_loop *loop, const long long *vector);
void cape_doacross_wait(struct cape_loop *loop, const long long *vector);

/* scan (5.6): to be called by all threads of the team: replaces `prefix` by the combination of the `total`s of all threads with smaller
 * numbers, in order, and leaves it alone in thread 0; `all` (may be null) takes the combination of every thread's. Implies a barrier. */
void cape_scan(const struct cape_site *site, void *prefix, const void *total, void *all, __SIZE_TYPE__ size,
               __SIZE_TYPE__ count, cape_combiner combine);

/* Memory of `bytes` bytes for the values of a scan's iterations, aligned for every type up to 64 bytes: the caller's, outside of the image. */
void *cape_scratch(__SIZE_TYPE__ bytes);
void cape_scratch_free(void *memory);

/* ---- single, masked/master (11.1, 10.5) ------------------------------------------------------------------------------
 * 1 in the one thread that executes the block, 0 in the others. No barrier is implied. */
int cape_single(const struct cape_site *site);
int cape_master(void);
int cape_masked(int filter);

/* copyprivate (5.7.2): to be called by all threads of the team instead of the single's barrier. The thread with `executed` != 0 gives
 * the values at `addresses`, `sizes` bytes each, and all others store them at theirs. Sizes agree in all threads. */
void cape_copyprivate(const struct cape_site *site, int executed, unsigned count, void *const *addresses,
                      const __SIZE_TYPE__ *sizes);

/* ---- synchronisation (15) --------------------------------------------------------------------------------------------*/

/* All threads of the team publish, then all catch up to the same point; contributions by cape_reduce, cape_assign and
 * cape_atomic_update of all threads are visible after it, in thread order. All tasks of the team are complete after it. Nonzero: the
 * parallel region has been cancelled, and the thread is to go on at its end. */
int cape_barrier(const struct cape_site *site);

/* Publishes, catches up to the newest state of the log. */
enum cape_flush_order { CAPE_FLUSH_STRONG = 0, CAPE_FLUSH_ACQUIRE = 1, CAPE_FLUSH_RELEASE = 2, CAPE_FLUSH_ACQ_REL = 3 };
void cape_flush(const struct cape_site *site, int order);

/* cancel, cancellation point (16): nonzero: the thread (or task) is to go on at the end of the innermost region of that kind. `condition`
 * is that of the if clause, 1 without. With OMP_CANCELLATION unset both do nothing. After the end of a cancellable region, and at its
 * barriers, the translated code asks no more: see cape_barrier. */
enum cape_cancel { CAPE_CANCEL_PARALLEL = 1, CAPE_CANCEL_FOR = 2, CAPE_CANCEL_SECTIONS = 4, CAPE_CANCEL_TASKGROUP = 8 };
int cape_cancel(const struct cape_site *site, int kind, int condition);
int cape_cancellation_point(const struct cape_site *site, int kind);

/* The lock of the criticals of one name, which the linker makes one object in all files. Its contents are the runtime's; in a job of several
 * ranks they are not used, only the address is. */
struct cape_critical { unsigned long long reserved; };
#define CAPE_CRITICAL(lock) __attribute__((weak)) struct cape_critical lock

/* Enter waits for the lock and catches up to its last release; exit publishes. */
void cape_critical_enter(const struct cape_site *site, struct cape_critical *lock);
void cape_critical_exit(const struct cape_site *site, struct cape_critical *lock);

/* ---- data-sharing results: reduction (5.5.8), lastprivate (5.4.5) ------------------------------------------------------
 *
 * Both take effect for every thread at the next barrier or end of the region (at once in a team of one); they cost no page
 * fault. `original` is the address of the shared list item (for an array section, of its first element).
 */

/* original[k] = original[k] OP partial[k] for `count` elements of `size` bytes; combined in thread order. */
void cape_reduce(const struct cape_site *site, void *original, const void *partial, __SIZE_TYPE__ size,
                 __SIZE_TYPE__ count, cape_combiner combine);
/* memcpy(original, value, bytes), by the one thread that ran the last iteration or section. */
void cape_assign(const struct cape_site *site, void *original, const void *value, __SIZE_TYPE__ bytes);
/* lastprivate(conditional: ): of all threads' values the one with the greatest `iteration` + 1 wins; 0: this thread assigned none. */
void cape_assign_conditional(const struct cape_site *site, void *original, const void *value, __SIZE_TYPE__ bytes,
                             unsigned long long iteration);

/* ---- tasks (12) --------------------------------------------------------------------------------------------------------
 *
 * cape_task makes a task that runs `body(its env)`. `env` and `sizes` have `captures` elements: where sizes[k] is 0, the task's env[k] is
 * the same address (shared); elsewhere it is the address of a copy of the sizes[k] bytes at env[k], made by cape_task, aligned for
 * every type up to 64 bytes, and living as long as the task (firstprivate; the body may use it in place). `env` and `sizes` stay the caller's.
 * The task may be executed at once, later by any thread of the rank, or by another rank: a rank that has nothing to do is given the
 * oldest task, with everything written up to there; what it writes is caught up at its completion.
 */
enum cape_task_flags {
    CAPE_TASK_UNTIED = 1,
    CAPE_TASK_MERGEABLE = 2,
    CAPE_TASK_FINAL = 4,      /* its final clause is true */
    CAPE_TASK_UNDEFERRED = 8, /* its if clause is false */
    CAPE_TASK_NOGROUP = 16,   /* taskloop only */
    CAPE_TASK_STRICT = 32,    /* taskloop only: modifier of grainsize or num_tasks */
    CAPE_TASK_REDUCES = 64    /* has in_reduction: stays on the rank of its taskgroup */
};

enum cape_depend_kind { CAPE_IN = 1, CAPE_OUT = 2, CAPE_INOUT = 3, CAPE_MUTEXINOUTSET = 4, CAPE_INOUTSET = 5, CAPE_DEPOBJ = 6 };
struct cape_depend {
    int kind;      /* enum cape_depend_kind; CAPE_DEPOBJ: `address` is that of an omp_depend_t */
    void *address; /* identifies the list item; (void *)-1: omp_all_memory */
};

struct cape_task_clauses {
    unsigned flags;                    /* enum cape_task_flags */
    int priority;                      /* 0: not given */
    unsigned depends;                  /* number of `depend` */
    const struct cape_depend *depend;  /* stays the caller's */
    void **event;                      /* detach: takes the omp_event_handle_t before the task can start; null: no such clause */
};

/* `clauses` may be null: none. */
void cape_task(const struct cape_site *site, void (*body)(void **env), void **env, const __SIZE_TYPE__ *sizes,
               unsigned captures, const struct cape_task_clauses *clauses);

/* taskloop: as cape_task, but for each of several tasks that share out the logical iterations 0 .. iterations - 1. The env of a task
 * has one element more: env[captures] is the address of its struct cape_taskloop_chunk. Waits for the tasks, as a taskgroup does, unless
 * CAPE_TASK_NOGROUP is among the flags. `grainsize` and `num_tasks` are 0 where the clause is absent. */
struct cape_taskloop_chunk {
    unsigned long long first, end;
    int last; /* nonzero: holds the last iteration */
};
void cape_taskloop(const struct cape_site *site, void (*body)(void **env), void **env, const __SIZE_TYPE__ *sizes,
                   unsigned captures, const struct cape_task_clauses *clauses, unsigned long long iterations,
                   unsigned long long grainsize, unsigned long long num_tasks);

/* Waits for the children of the current task; with depends, for those that a task with these would have to wait for. */
void cape_taskwait(const struct cape_site *site);
void cape_taskwait_depend(const struct cape_site *site, const struct cape_depend *depend, unsigned depends);
void cape_taskyield(const struct cape_site *site);

/* taskgroup (15.4): end waits for all tasks made since begin, and their descendants. */
void cape_taskgroup_begin(const struct cape_site *site);
void cape_taskgroup_end(const struct cape_site *site);

/* task_reduction (5.5.10), directly after cape_taskgroup_begin: registers list items (copied). cape_in_reduction, in a task, returns the
 * calling thread's private copy of the item at `original` of the innermost taskgroup that has it; `original` itself where none has.
 * The end of the taskgroup combines the copies into the original. The same serves reduction(task, ...): each thread encloses its part of the
 * region by a taskgroup whose items are its own private copies, and `shared` is the list item that they are copies of, by which tasks of
 * other functions name it (null: the same as `original`). */
struct cape_task_reduction {
    void *original;
    void *shared;
    __SIZE_TYPE__ size, count;                            /* bytes of an element, number of elements */
    void (*initialise)(void *copy, const void *original, __SIZE_TYPE__ count); /* all elements; original: for omp_orig */
    cape_combiner combine;
};
void cape_task_reduction(const struct cape_site *site, const struct cape_task_reduction *items, unsigned count);
void *cape_in_reduction(void *original);

/* depobj (15.9.4): `object` is the address of an omp_depend_t. */
void cape_depobj_init(void *object, const struct cape_depend *depend);
void cape_depobj_update(void *object, int kind);
void cape_depobj_destroy(void *object);

/* ---- error (8.5.1) at execution: prints the message, and with severity(fatal) ends the job with status 1 */
void cape_error(const struct cape_site *site, int fatal, const char *message);

/* ---- atomic (15.8.4) ---------------------------------------------------------------------------------------------------
 *
 * *x = *x OP *operand, where both have x's type of `size` bytes and `combine` also merges two operands: commutative,
 * carried as an operation. The calling thread sees its own updates at once, those of others after it synchronises.
 */
void cape_atomic_update(void *x, const void *operand, __SIZE_TYPE__ size, cape_combiner combine);
/* For every other form of atomic: the statement between the two is executed under a lock of the runtime's, on the newest
 * values. Enter catches up, exit publishes. An object that contains such a construct puts a byte into the section "cape_mixed";
 * in a program with that section cape_atomic_update, too, works on the newest value under the same lock. */
enum cape_atomic_kind { CAPE_ATOMIC_CHANGE = 0, CAPE_ATOMIC_READ = 1 /* of a type that is loaded in one piece: needs no lock */ };
void cape_atomic_enter(const struct cape_site *site, int kind);
void cape_atomic_exit(const struct cape_site *site, int kind);
/* Nonzero in a job of one rank, from before main: atomic constructs on types of 1, 2, 4 and 8 bytes are the processor's then. The
 * functions for this work on `size` bytes at `x`. */
extern int cape_alone;

#ifdef __cplusplus
}
#endif

/* ---- combiners ---------------------------------------------------------------------------------------------------------
 *
 * cape_<op>_<type> for every reduction identifier of 5.5.5 (`-` reduces with sum) and every arithmetic type it is defined
 * for. Those that are not used cost nothing in the object. The macros below take an expression `x` only for its type:
 *
 *   CAPE_COMBINER(op, x)   the combiner for the type of x; a compile-time error where there is none
 *   CAPE_OPERATION(op, x)  the same, or a null pointer where there is none
 *   CAPE_IDENTITY(op, x)   the value that changes nothing when combined
 *   CAPE_INITIALISER(op, x) the function that gives `count` elements that value, for struct cape_task_reduction
 *   CAPE_COMMUTES(x, e)    whether x OP= e may be carried as an operation whose operand is converted to the type of x
 *                          first: whether that gives the same bits as C's own conversions. A constant expression.
 */
#ifndef __cplusplus
#pragma GCC system_header /* a product of _Bool is meant */

/* X(op, name, type, expression) for each type of a class. __float128 is a name of our own where the compiler has no such type: the lists
 * below name it, and nothing has it. */
#ifndef __SIZEOF_FLOAT128__
typedef struct {
    char none;
} __float128;
#define CAPE_ABSENT(name) extern void cape_##name##_float128(void *, const void *, __SIZE_TYPE__);
CAPE_ABSENT(sum) CAPE_ABSENT(product) CAPE_ABSENT(land) CAPE_ABSENT(lor) CAPE_ABSENT(min) CAPE_ABSENT(max)
CAPE_ABSENT(initialise_zero) CAPE_ABSENT(initialise_one) CAPE_ABSENT(initialise_highest) CAPE_ABSENT(initialise_lowest)
#define CAPE_EACH_QUAD(X, op, expression)
#else
#define CAPE_EACH_QUAD(X, op, expression) X(op, float128, __float128, expression)
#endif
#define CAPE_EACH_INTEGER(X, op, expression)                      \
    X(op, bool, _Bool, expression)                                \
    X(op, char, char, expression)                                 \
    X(op, schar, signed char, expression)                         \
    X(op, uchar, unsigned char, expression)                       \
    X(op, short, short, expression)                               \
    X(op, ushort, unsigned short, expression)                     \
    X(op, int, int, expression)                                   \
    X(op, uint, unsigned int, expression)                         \
    X(op, long, long, expression)                                 \
    X(op, ulong, unsigned long, expression)                       \
    X(op, llong, long long, expression)                           \
    X(op, ullong, unsigned long long, expression)                 \
    X(op, int128, __int128, expression)                           \
    X(op, uint128, unsigned __int128, expression)
#define CAPE_EACH_REAL(X, op, expression)                         \
    CAPE_EACH_INTEGER(X, op, expression)                          \
    X(op, float, float, expression)                               \
    X(op, double, double, expression)                             \
    X(op, ldouble, long double, expression)                       \
    CAPE_EACH_QUAD(X, op, expression)
#define CAPE_EACH_NUMBER(X, op, expression)                       \
    CAPE_EACH_REAL(X, op, expression)                             \
    X(op, cfloat, float _Complex, expression)                     \
    X(op, cdouble, double _Complex, expression)                   \
    X(op, cldouble, long double _Complex, expression)             \
    X(op, cchar, char _Complex, expression)                       \
    X(op, cschar, signed char _Complex, expression)               \
    X(op, cuchar, unsigned char _Complex, expression)             \
    X(op, cshort, short _Complex, expression)                     \
    X(op, cushort, unsigned short _Complex, expression)           \
    X(op, cint, int _Complex, expression)                         \
    X(op, cuint, unsigned int _Complex, expression)               \
    X(op, clong, long _Complex, expression)                       \
    X(op, culong, unsigned long _Complex, expression)             \
    X(op, cllong, long long _Complex, expression)                 \
    X(op, cullong, unsigned long long _Complex, expression)

#define CAPE_DEFINE_COMBINER(op, name, type, expression)                                                \
    static __inline__ __attribute__((unused)) void cape_##op##_##name(void *inout, const void *in,      \
                                                                      __SIZE_TYPE__ count)              \
    {                                                                                                   \
        type *x = (type *)inout;                                                                        \
        const type *y = (const type *)in;                                                               \
        __SIZE_TYPE__ k;                                                                                \
        for (k = 0; k < count; ++k)                                                                     \
            x[k] = expression;                                                                          \
    }

CAPE_EACH_NUMBER(CAPE_DEFINE_COMBINER, sum, x[k] + y[k])
CAPE_EACH_NUMBER(CAPE_DEFINE_COMBINER, product, x[k] * y[k])
CAPE_EACH_NUMBER(CAPE_DEFINE_COMBINER, land, x[k] && y[k])
CAPE_EACH_NUMBER(CAPE_DEFINE_COMBINER, lor, x[k] || y[k])
CAPE_EACH_REAL(CAPE_DEFINE_COMBINER, min, y[k] < x[k] ? y[k] : x[k])
CAPE_EACH_REAL(CAPE_DEFINE_COMBINER, max, y[k] > x[k] ? y[k] : x[k])
CAPE_EACH_INTEGER(CAPE_DEFINE_COMBINER, and, x[k] & y[k])
CAPE_EACH_INTEGER(CAPE_DEFINE_COMBINER, or, x[k] | y[k])
CAPE_EACH_INTEGER(CAPE_DEFINE_COMBINER, xor, x[k] ^ y[k])

#define CAPE_ASSOCIATION(op, name, type, expression) type: cape_##op##_##name,
#define CAPE_SELECT_sum(x, otherwise) _Generic((x), CAPE_EACH_NUMBER(CAPE_ASSOCIATION, sum, ) otherwise)
#define CAPE_SELECT_product(x, otherwise) _Generic((x), CAPE_EACH_NUMBER(CAPE_ASSOCIATION, product, ) otherwise)
#define CAPE_SELECT_land(x, otherwise) _Generic((x), CAPE_EACH_NUMBER(CAPE_ASSOCIATION, land, ) otherwise)
#define CAPE_SELECT_lor(x, otherwise) _Generic((x), CAPE_EACH_NUMBER(CAPE_ASSOCIATION, lor, ) otherwise)
#define CAPE_SELECT_min(x, otherwise) _Generic((x), CAPE_EACH_REAL(CAPE_ASSOCIATION, min, ) otherwise)
#define CAPE_SELECT_max(x, otherwise) _Generic((x), CAPE_EACH_REAL(CAPE_ASSOCIATION, max, ) otherwise)
#define CAPE_SELECT_and(x, otherwise) _Generic((x), CAPE_EACH_INTEGER(CAPE_ASSOCIATION, and, ) otherwise)
#define CAPE_SELECT_or(x, otherwise) _Generic((x), CAPE_EACH_INTEGER(CAPE_ASSOCIATION, or, ) otherwise)
#define CAPE_SELECT_xor(x, otherwise) _Generic((x), CAPE_EACH_INTEGER(CAPE_ASSOCIATION, xor, ) otherwise)

/* No object has the type struct cape_site: without an association for the type of x, the compiler says so. */
#define CAPE_COMBINER(op, x) CAPE_SELECT_##op(x, struct cape_site: (cape_combiner)0)
#define CAPE_OPERATION(op, x) CAPE_SELECT_##op(x, default: (cape_combiner)0)

#define CAPE_BITS(x) ((sizeof(x) * 8 - 1) & 63)
#define CAPE_LARGEST_SIGNED(x) ((1ULL << CAPE_BITS(x)) - 1)
#define CAPE_IS_UNSIGNED(x) ((__typeof__(x))-1 > (__typeof__(x))0)
#define CAPE_LARGEST_INTEGER(x) (CAPE_IS_UNSIGNED(x) ? (unsigned long long)(__typeof__(x))-1 : CAPE_LARGEST_SIGNED(x))
#define CAPE_SMALLEST_INTEGER(x) (CAPE_IS_UNSIGNED(x) ? 0LL : -(long long)CAPE_LARGEST_SIGNED(x) - 1)

#define CAPE_OF_CLASS(x, real, integer) __builtin_choose_expr(__builtin_classify_type(x) == 8, real, integer)
#define CAPE_IDENTITY_sum(x) 0
#define CAPE_IDENTITY_product(x) 1
#define CAPE_IDENTITY_land(x) 1
#define CAPE_IDENTITY_lor(x) 0
#define CAPE_IDENTITY_and(x) -1
#define CAPE_IDENTITY_or(x) 0
#define CAPE_IDENTITY_xor(x) 0
#define CAPE_IDENTITY_min(x)                                                                                 \
    _Generic((x), float: __builtin_inff(), double: __builtin_inf(), long double: __builtin_infl(),           \
             __int128: (__int128)(~(unsigned __int128)0 >> 1), unsigned __int128: ~(unsigned __int128)0,        \
             default: (__typeof__(x))CAPE_OF_CLASS(x, __builtin_inf(), CAPE_LARGEST_INTEGER(x)))
#define CAPE_IDENTITY_max(x)                                                                                 \
    _Generic((x), float: -__builtin_inff(), double: -__builtin_inf(), long double: -__builtin_infl(),        \
             __int128: -(__int128)(~(unsigned __int128)0 >> 1) - 1, unsigned __int128: (unsigned __int128)0,    \
             default: (__typeof__(x))CAPE_OF_CLASS(x, -__builtin_inf(), CAPE_SMALLEST_INTEGER(x)))
#define CAPE_IDENTITY(op, x) CAPE_IDENTITY_##op(x)

#define CAPE_DEFINE_INITIALISER(op, name, type, identity)                                                   \
    static __inline__ __attribute__((unused)) void cape_initialise_##op##_##name(                           \
        void *copy, const void *original, __SIZE_TYPE__ count)                                              \
    {                                                                                                       \
        type *x = (type *)copy;                                                                             \
        __SIZE_TYPE__ k;                                                                                    \
        (void)original;                                                                                     \
        for (k = 0; k < count; ++k)                                                                         \
            x[k] = identity;                                                                                \
    }

CAPE_EACH_NUMBER(CAPE_DEFINE_INITIALISER, zero, 0)
CAPE_EACH_NUMBER(CAPE_DEFINE_INITIALISER, one, 1)
CAPE_EACH_INTEGER(CAPE_DEFINE_INITIALISER, ones, (__typeof__(x[k]))-1)
CAPE_EACH_REAL(CAPE_DEFINE_INITIALISER, highest, CAPE_IDENTITY_min(x[k]))
CAPE_EACH_REAL(CAPE_DEFINE_INITIALISER, lowest, CAPE_IDENTITY_max(x[k]))

#define CAPE_INITIALISERS(value, name, type, expression) type: cape_initialise_##value##_##name,
#define CAPE_INITIALISE_sum(x) _Generic((x), CAPE_EACH_NUMBER(CAPE_INITIALISERS, zero, ) struct cape_site: 0)
#define CAPE_INITIALISE_product(x) _Generic((x), CAPE_EACH_NUMBER(CAPE_INITIALISERS, one, ) struct cape_site: 0)
#define CAPE_INITIALISE_land(x) CAPE_INITIALISE_product(x)
#define CAPE_INITIALISE_lor(x) CAPE_INITIALISE_sum(x)
#define CAPE_INITIALISE_and(x) _Generic((x), CAPE_EACH_INTEGER(CAPE_INITIALISERS, ones, ) struct cape_site: 0)
#define CAPE_INITIALISE_or(x) CAPE_INITIALISE_sum(x)
#define CAPE_INITIALISE_xor(x) CAPE_INITIALISE_sum(x)
#define CAPE_INITIALISE_min(x) _Generic((x), CAPE_EACH_REAL(CAPE_INITIALISERS, highest, ) struct cape_site: 0)
#define CAPE_INITIALISE_max(x) _Generic((x), CAPE_EACH_REAL(CAPE_INITIALISERS, lowest, ) struct cape_site: 0)
#define CAPE_INITIALISER(op, x) CAPE_INITIALISE_##op(x)

/* ---- atomic constructs by the processor --------------------------------------------------------------------------------*/
#define CAPE_LOCK_FREE(x) (sizeof(x) == 1 || sizeof(x) == 2 || sizeof(x) == 4 || sizeof(x) == 8)
#define CAPE_INTEGERS(x, e) (__builtin_classify_type(x) == 1 && __builtin_classify_type(e) == 1 && !CAPE_IS_BOOL(x))
#define CAPE_INLINE static __inline__ __attribute__((unused, always_inline))

typedef unsigned char __attribute__((may_alias)) cape_bits_1;
typedef unsigned short __attribute__((may_alias)) cape_bits_2;
typedef unsigned int __attribute__((may_alias)) cape_bits_4;
typedef unsigned long long __attribute__((may_alias)) cape_bits_8;

/* Without optimisation the compiler warns of the branches for other sizes, unless it cannot see what is pointed to. */
#define CAPE_HIDE(pointer) __asm__("" : "+r"(pointer))

/* X(bytes, type) for each size. */
#define CAPE_EACH_SIZE(X) X(1, cape_bits_1) X(2, cape_bits_2) X(4, cape_bits_4) X(8, cape_bits_8)

/* Every order but relaxed is served by the strongest. */
enum cape_memory_order { CAPE_RELAXED = __ATOMIC_RELAXED, CAPE_SEQ_CST = __ATOMIC_SEQ_CST };
CAPE_INLINE void cape_atomic_load(const volatile void *x, void *value, __SIZE_TYPE__ size, int order)
{
    CAPE_HIDE(x);
    CAPE_HIDE(value);
#define CAPE_CASE(bytes, type)                                                                                   \
    if (size == bytes) {                                                                                         \
        type bits = order == __ATOMIC_RELAXED ? __atomic_load_n((const volatile type *)x, __ATOMIC_RELAXED)      \
                                              : __atomic_load_n((const volatile type *)x, __ATOMIC_SEQ_CST);     \
        __builtin_memcpy(value, &bits, bytes);                                                                   \
    }
    CAPE_EACH_SIZE(CAPE_CASE)
#undef CAPE_CASE
}

/* Stores *value if x still holds *old; otherwise *old becomes what x holds, and the result is 0. */
CAPE_INLINE int cape_atomic_replace(volatile void *x, void *old, const void *value, __SIZE_TYPE__ size, int order)
{
    CAPE_HIDE(x);
    CAPE_HIDE(old);
    CAPE_HIDE(value);
    if (!__builtin_memcmp(old, value, size))
        return 1;
#define CAPE_CASE(bytes, type)                                                                                   \
    if (size == bytes) {                                                                                         \
        type before, after;                                                                                      \
        int done;                                                                                                \
        __builtin_memcpy(&before, old, bytes);                                                                   \
        __builtin_memcpy(&after, value, bytes);                                                                  \
        done = order == __ATOMIC_RELAXED                                                                         \
                   ? __atomic_compare_exchange_n((volatile type *)x, &before, after, 0, __ATOMIC_RELAXED,        \
                                                 __ATOMIC_RELAXED)                                               \
                   : __atomic_compare_exchange_n((volatile type *)x, &before, after, 0, __ATOMIC_SEQ_CST,        \
                                                 __ATOMIC_SEQ_CST);                                              \
        __builtin_memcpy(old, &before, bytes);                                                                   \
        return done;                                                                                             \
    }
    CAPE_EACH_SIZE(CAPE_CASE)
#undef CAPE_CASE
    return 1;
}

#define CAPE_DEFINE_FETCH(name, builtin)                                                                         \
    CAPE_INLINE void cape_fetch_##name(volatile void *x, unsigned long long operand, __SIZE_TYPE__ size)         \
    {                                                                                                            \
        CAPE_HIDE(x);                                                                                            \
        if (size == 1)                                                                                           \
            builtin((volatile cape_bits_1 *)x, (cape_bits_1)operand, __ATOMIC_RELAXED);                          \
        if (size == 2)                                                                                           \
            builtin((volatile cape_bits_2 *)x, (cape_bits_2)operand, __ATOMIC_RELAXED);                          \
        if (size == 4)                                                                                           \
            builtin((volatile cape_bits_4 *)x, (cape_bits_4)operand, __ATOMIC_RELAXED);                          \
        if (size == 8)                                                                                           \
            builtin((volatile cape_bits_8 *)x, (cape_bits_8)operand, __ATOMIC_RELAXED);                          \
    }
CAPE_DEFINE_FETCH(sum, __atomic_fetch_add)
CAPE_DEFINE_FETCH(and, __atomic_fetch_and)
CAPE_DEFINE_FETCH(or, __atomic_fetch_or)
CAPE_DEFINE_FETCH(xor, __atomic_fetch_xor)
CAPE_INLINE void cape_fetch_product(volatile void *x, unsigned long long operand, __SIZE_TYPE__ size)
{
    unsigned long long old = 0, value;
    cape_atomic_load(x, &old, size, __ATOMIC_RELAXED);
#define CAPE_CASE(bytes, type)                                                                                   \
    if (size == bytes)                                                                                           \
        do {                                                                                                     \
            type bits;                                                                                           \
            __builtin_memcpy(&bits, &old, bytes);                                                                \
            bits = (type)(bits * operand);                                                                       \
            __builtin_memcpy(&value, &bits, bytes);                                                              \
        } while (!cape_atomic_replace(x, &old, &value, size, __ATOMIC_RELAXED));
    CAPE_EACH_SIZE(CAPE_CASE)
#undef CAPE_CASE
}

#define CAPE_SAME_TYPE(x, y) __builtin_types_compatible_p(__typeof__(x), __typeof__(y))
#define CAPE_IS_BOOL(x) __builtin_types_compatible_p(__typeof__(x), _Bool)
/* Other floating types, decimal ones among them, have no combiner. */
#define CAPE_IS_STANDARD(x) (CAPE_SAME_TYPE(x, 1.0F) || CAPE_SAME_TYPE(x, 1.0) || CAPE_SAME_TYPE(x, 1.0L))
/* Integers wrap, so converting the operand first changes nothing, except for _Bool; __int128 has no combiner. Floating
 * operands must not be wider than x. gcc's type classes: 1 integer, 8 real, 9 complex. */
#define CAPE_COMMUTES(x, e)                                                                                           \
    ((__builtin_classify_type(x) == 1 && __builtin_classify_type(e) == 1 && !CAPE_IS_BOOL(x) && sizeof(x) <= 8)       \
     || (__builtin_classify_type(x) == 8 && CAPE_SAME_TYPE((x) + (e), x) && CAPE_IS_STANDARD(x))                      \
     || (__builtin_classify_type(x) == 9 && CAPE_SAME_TYPE(e, x)))

#endif /* __cplusplus */

#endif /* CAPE_H */
