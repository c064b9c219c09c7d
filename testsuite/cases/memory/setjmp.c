/* setjmp and longjmp inside a region's threads, and in serial code around regions. */
#include <setjmp.h>
#include <stdio.h>

static jmp_buf serial;

static void fail(jmp_buf *where, int code) { longjmp(*where, code); }

static int attempt(int i)
{
    jmp_buf here;
    int code = setjmp(here);
    if (code == 0 && i % 3 == 0)
        fail(&here, i + 1);
    return code;
}

int main(void)
{
    int codes[30], sum = 0;
    volatile int rounds = 0;
    int back = setjmp(serial);
#pragma omp parallel for
    for (int i = 0; i < 30; ++i)
        codes[i] = attempt(i) + back;
    if (rounds++ < 2)
        longjmp(serial, rounds * 100);
    for (int i = 0; i < 30; ++i)
        sum += codes[i];
    printf("%d %d\n", sum, rounds);
    return 0;
}
