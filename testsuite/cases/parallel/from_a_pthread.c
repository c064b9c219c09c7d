/* The stack of a thread that the program started itself is not shared: a region there is an error that says so. */
//# ranks: 2 3
//# cflags: -pthread
//# run-error: started by a thread of the program's own
#include <pthread.h>
#include <stdio.h>

static int values[100];

static void *work(void *argument)
{
    int factor = 3;
    (void)argument;
#pragma omp parallel for
    for (int i = 0; i < 100; ++i)
        values[i] = i * factor;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    printf("%d\n", values[99]);
    return 0;
}
