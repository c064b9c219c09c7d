/* A signal that the program has blocked stays pending until the program takes it. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int values[100];

int main(void)
{
    sigset_t blocked, pending;
    int taken = 0, sum = 0;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
#pragma omp parallel for
    for (int i = 0; i < 100; ++i)
        values[i] = i;
    sigpending(&pending);
    printf("pending %d\n", sigismember(&pending, SIGUSR1));
    sigwait(&blocked, &taken);
    printf("taken %d\n", taken == SIGUSR1);
    for (int i = 0; i < 100; ++i)
        sum += values[i];
    printf("%d\n", sum);
    return 0;
}
