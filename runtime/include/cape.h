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
#define CAPE_ABI 1
extern const char cape_abi_1;
__attribute__((used)) static const char *const cape_abi_used = &cape_abi_1;

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
 * `num_threads` <= 0: the clause is absent. `parallel_if` == 0: a team of one. In a parallel region: a team of one.
 *
 * Memory: at entry the driver publishes and every rank catches up; at exit the workers publish and the driver catches up.
 */
void cape_parallel(const struct cape_site *site, void (*region)(void **env), void **env, unsigned captures,
                   int num_threads, int parallel_if);

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
enum cape_schedule { CAPE_STATIC = 1, CAPE_DYNAMIC = 2, CAPE_GUIDED = 3, CAPE_AUTO = 4, CAPE_RUNTIME = 5 };

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

/* ---- single, masked/master (11.1, 10.5) ------------------------------------------------------------------------------
 * 1 in the one thread that executes the block, 0 in the others. No barrier is implied. */
int cape_single(const struct cape_site *site);
int cape_master(void);

/* ---- synchronisation (15) --------------------------------------------------------------------------------------------*/

/* All threads of the team publish, then all catch up to the same point; contributions by cape_reduce, cape_assign and
 * cape_atomic_update of all threads are visible after it, in thread order. */
void cape_barrier(const struct cape_site *site);

/* `name` is "" for the unnamed critical. Enter waits for the lock and catches up to its last release; exit publishes. */
void cape_critical_enter(const struct cape_site *site, const char *name);
void cape_critical_exit(const struct cape_site *site, const char *name);

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

/* ---- atomic (15.8.4) ---------------------------------------------------------------------------------------------------
 *
 * *x = *x OP *operand, where both have x's type of `size` bytes and `combine` also merges two operands: commutative,
 * carried as an operation. The calling thread sees its own updates at once, those of others after it synchronises.
 */
void cape_atomic_update(void *x, const void *operand, __SIZE_TYPE__ size, cape_combiner combine);
/* For every other form of atomic: the statement between the two is executed under a lock of the runtime's, on the newest
 * values. Enter catches up, exit publishes. An object that contains such a construct puts a byte into the section "cape_mixed";
 * in a program with that section cape_atomic_update, too, works on the newest value under the same lock. */
void cape_atomic_enter(const struct cape_site *site);
void cape_atomic_exit(const struct cape_site *site);

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
 *   CAPE_COMMUTES(x, e)    whether x OP= e may be carried as an operation whose operand is converted to the type of x
 *                          first: whether that gives the same bits as C's own conversions. A constant expression.
 */
#ifndef __cplusplus
#pragma GCC system_header /* a product of _Bool is meant */

/* X(op, name, type, expression) for each type of a class. */
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
    X(op, ullong, unsigned long long, expression)
#define CAPE_EACH_REAL(X, op, expression)                         \
    CAPE_EACH_INTEGER(X, op, expression)                          \
    X(op, float, float, expression)                               \
    X(op, double, double, expression)                             \
    X(op, ldouble, long double, expression)
#define CAPE_EACH_NUMBER(X, op, expression)                       \
    CAPE_EACH_REAL(X, op, expression)                             \
    X(op, cfloat, float _Complex, expression)                     \
    X(op, cdouble, double _Complex, expression)                   \
    X(op, cldouble, long double _Complex, expression)

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

#define CAPE_IDENTITY_sum(x) 0
#define CAPE_IDENTITY_product(x) 1
#define CAPE_IDENTITY_land(x) 1
#define CAPE_IDENTITY_lor(x) 0
#define CAPE_IDENTITY_and(x) -1
#define CAPE_IDENTITY_or(x) 0
#define CAPE_IDENTITY_xor(x) 0
#define CAPE_IDENTITY_min(x)                                                                                 \
    _Generic((x), float: __builtin_inff(), double: __builtin_inf(), long double: __builtin_infl(),           \
             default: (__typeof__(x))CAPE_LARGEST_INTEGER(x))
#define CAPE_IDENTITY_max(x)                                                                                 \
    _Generic((x), float: -__builtin_inff(), double: -__builtin_inf(), long double: -__builtin_infl(),        \
             default: (__typeof__(x))CAPE_SMALLEST_INTEGER(x))
#define CAPE_IDENTITY(op, x) CAPE_IDENTITY_##op(x)

#define CAPE_SAME_TYPE(x, y) __builtin_types_compatible_p(__typeof__(x), __typeof__(y))
#define CAPE_IS_BOOL(x) __builtin_types_compatible_p(__typeof__(x), _Bool)
/* Integers wrap, so converting the operand first changes nothing, except for _Bool; __int128 has no combiner. Floating
 * operands must not be wider than x. gcc's type classes: 1 integer, 8 real, 9 complex. */
#define CAPE_COMMUTES(x, e)                                                                                           \
    ((__builtin_classify_type(x) == 1 && __builtin_classify_type(e) == 1 && !CAPE_IS_BOOL(x) && sizeof(x) <= 8)       \
     || (__builtin_classify_type(x) == 8 && CAPE_SAME_TYPE((x) + (e), x))                                             \
     || (__builtin_classify_type(x) == 9 && CAPE_SAME_TYPE(e, x)))

#endif /* __cplusplus */

#endif /* CAPE_H */
