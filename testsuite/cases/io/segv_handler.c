//# ranks: 2 4
//# trackers: sigsegv
//# skip-oracle
//# run-error: the program handles SIGSEGV
/* The sigsegv tracker and a program's own handler of that signal exclude each other: an error, not a crash. */
#include <signal.h>
#include <stdio.h>

static int values[100];

static void handler(int number)
{
    (void)number;
}

int main(void)
{
    signal(SIGSEGV, handler);
#pragma omp parallel for
    for (int i = 0; i < 100; ++i)
        values[i] = i;
    printf("%d\n", values[99]);
    return 0;
}
