/* A work queue in shared memory: tasks are taken, and produce further tasks, under a critical. */
#include <omp.h>
#include <sched.h>
#include <stdio.h>

#define CAPACITY 1000

static int queue[CAPACITY], head, tail, busy, done;
static long sum;

int main(void)
{
    queue[tail++] = 300;
#pragma omp parallel
    {
        int running = 1;
        while (running) {
            int task = -1;
#pragma omp critical
            {
                if (head < tail) {
                    task = queue[head++];
                    ++busy;
                } else if (busy == 0) {
                    running = 0;
                }
            }
            if (task >= 0) {
#pragma omp critical
                {
                    if (task > 1) {
                        queue[tail++] = task / 2;
                        queue[tail++] = task - task / 2 - 1;
                    }
                    sum += task;
                    ++done;
                    --busy;
                }
            } else if (running) {
                sched_yield();
            }
        }
    }
    printf("%d %ld %d\n", done, sum, head == tail);
    return 0;
}
