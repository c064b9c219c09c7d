//# cflags: -std=gnu11
/* GNU C in and around regions: statement expressions, typeof, ranges, conditional with omitted operand, attributes. */
#include <stdio.h>
#include <stdint.h>

struct __attribute__((packed)) small { char c; int i; };

#define MAX(a, b) ({ __typeof__(a) x_ = (a); __typeof__(b) y_ = (b); x_ > y_ ? x_ : y_; })

static inline __attribute__((always_inline)) int clamp(int x)
{
    switch (x) {
    case 0 ... 9: return 1;
    case 10 ... 99: return 2;
    default: return 3;
    }
}

int main(void)
{
    struct small s[30] __attribute__((aligned(64)));
    int table[] = {[3] = 7, [0 ... 1] = 2}, best = 0;
    __auto_type given = 30;
    int n = given;
#pragma omp parallel for reduction(max : best)
    for (int i = 0; i < n; ++i) {
        s[i] = (struct small){.c = (char)clamp(i * 7), .i = table[i % 4] ?: -1};
        best = MAX(best, s[i].i * i);
        __asm__ volatile("" ::: "memory");
        if (__builtin_expect(i > 1000, 0))
            __builtin_unreachable();
    }
    int sum = 0;
    for (int i = 0; i < n; ++i)
        sum = sum * 3 % 10007 + s[i].c + s[i].i;
    printf("%d %d %zu\n", best, sum, sizeof(struct small));
    return 0;
}
