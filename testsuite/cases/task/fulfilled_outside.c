//# ranks: 1 1x2 1x4
/* An event that a thread of the program's own fulfils: whoever waits for the task, even the only thread of the team, goes on. */
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static omp_event_handle_t event;
static int pending;

static void *fulfil(void *unused)
{
    pthread_mutex_lock(&mutex);
    while (!pending)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    /* The team has had time to fall asleep. */
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    omp_fulfill_event(event);
    return unused;
}

int main(void)
{
    pthread_t thread;
    int order, done = 0;
    pthread_create(&thread, NULL, fulfil, NULL);
#pragma omp parallel
#pragma omp single
    {
        omp_event_handle_t own;
#pragma omp task depend(out : order) detach(own)
        {
            pthread_mutex_lock(&mutex);
            event = own;
            pending = 1;
            pthread_cond_signal(&changed);
            pthread_mutex_unlock(&mutex);
        }
#pragma omp task depend(in : order) shared(done)
        done = 1;
    }
    pthread_join(thread, NULL);
    printf("%d\n", done);
    return 0;
}
