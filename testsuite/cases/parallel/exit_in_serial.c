//# exit: 7
/* exit() in a function called from serial code: buffers are flushed, atexit handlers run once. */
#include <stdio.h>
#include <stdlib.h>

static int total;

static void at_end(void) { printf("at end: %d\n", total); }

static void leave(void) { exit(7); }

int main(void)
{
    atexit(at_end);
#pragma omp parallel for reduction(+ : total)
    for (int i = 0; i < 10; ++i)
        total += i;
    printf("leaving");
    leave();
    printf("not reached\n");
    return 0;
}
