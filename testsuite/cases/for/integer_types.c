//# skip-oracle
/* Loop variables of every integer type, up and down, over ranges near the limits of the type, against the same loop run
 * serially. (gcc counts the iterations of a signed type in that type and runs none where the count does not fit.) */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#define LOOP(type, from, cond, to, step)                                          \
    do {                                                                          \
        unsigned long long sum = 0, check = 0;                                    \
        int count = 0, checks = 0;                                                \
        _Pragma("omp parallel for reduction(+ : sum, count)")                     \
        for (type i = (from); i cond(to); i += (step)) {                          \
            sum += (unsigned long long)i * 2654435761u;                           \
            ++count;                                                              \
        }                                                                         \
        for (type i = (from); i cond(to); i += (step)) {                          \
            check += (unsigned long long)i * 2654435761u;                         \
            ++checks;                                                             \
        }                                                                         \
        wrong += sum != check || count != checks;                                 \
        printf(#type " " #from " " #cond " " #to ": %d of %d\n", count, checks);  \
    } while (0)

int main(void)
{
    int wrong = 0;
    LOOP(signed char, -100, <, 100, 3);
    LOOP(signed char, SCHAR_MIN, <, SCHAR_MAX, 1);
    LOOP(unsigned char, 0, <=, 250, 5);
    LOOP(short, SHRT_MAX - 20, <, SHRT_MAX, 1);
    LOOP(unsigned short, 65000, <, 65535, 5);
    LOOP(int, INT_MIN, <, INT_MIN + 30, 4);
    LOOP(int, INT_MAX, >, INT_MAX - 30, -1);
    LOOP(int, 100, >=, 0, -9);
    LOOP(unsigned, UINT_MAX - 10, <, UINT_MAX, 1);
    LOOP(unsigned, 3000000000u, >, 2999999900u, -11);
    LOOP(long, LONG_MIN, <=, LONG_MIN + 50, 13);
    LOOP(unsigned long, ULONG_MAX - 10, <, ULONG_MAX, 2);
    LOOP(long long, LLONG_MAX, >, LLONG_MAX - 17, -2);
    LOOP(unsigned long long, ULLONG_MAX, >, ULLONG_MAX - 5, -1);
    LOOP(int64_t, -5, <, 5, 1);
    LOOP(size_t, 0, <, 33, 1);
    LOOP(int, -1000000000, <, 2000000000, 100000007);
    return wrong;
}
