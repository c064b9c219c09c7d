//# ranks: 64
//# trackers: wp-async
//# env: CAPE_FAN_OUT=4
//# skip-oracle
//# timeout: 120
/* 64 ranks below agents of at most four ranks each, and agents below agents: every rank answers, and no process holds more than a
   bounded number of sockets, whatever the number of ranks: not the ranks, which meet in barriers, a critical, a dynamic loop and a
   reduction, nor their parents. What is counted is read by plain system calls, so that the runtime opens no file for it. */
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RANKS = 64, MOST = 40, DESCRIPTORS = 1200 };

static int sockets_of(long pid) {
    int count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        char path[64], target[64];
        snprintf(path, sizeof path, "/proc/%ld/fd/%d", pid, fd);
        long length = syscall(SYS_readlinkat, -100, path, target, sizeof target - 1);
        if (length > 0 && memcmp(target, "socket:", 7) == 0)
            count++;
    }
    return count;
}

static int answers[RANKS], given[2 * RANKS], own[RANKS], above[RANKS], critical;

int main(void) {
    int threads = 0, sum = 0;
#pragma omp parallel reduction(+ : sum)
    {
        int me = omp_get_thread_num();
#pragma omp single
        threads = omp_get_num_threads();
        answers[me]++;
#pragma omp barrier
        sum += answers[(me + 1) % RANKS];
#pragma omp critical
        critical++;
#pragma omp for schedule(dynamic, 1)
        for (int i = 0; i < 2 * RANKS; i++)
            given[i]++;
        own[me] = sockets_of(syscall(SYS_getpid));
        above[me] = sockets_of(syscall(SYS_getppid));
#pragma omp barrier
    }
    int failed = threads != RANKS || sum != RANKS || critical != RANKS;
    for (int i = 0; i < 2 * RANKS; i++)
        failed |= given[i] != 1;
    for (int i = 0; i < RANKS; i++) {
        if (own[i] < 1 || own[i] > MOST || above[i] < 1 || above[i] > MOST) {
            fprintf(stderr, "rank %d has %d sockets, its parent %d\n", i, own[i], above[i]);
            failed = 1;
        }
    }
    if (failed)
        fprintf(stderr, "%d threads, sum %d, critical %d\n", threads, sum, critical);
    return failed;
}
