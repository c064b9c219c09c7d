//# ranks: 1 2 3 4
/* Turns are taken through a shared number under a critical: each thread waits for its value and passes it on. */
#include <omp.h>
#include <sched.h>
#include <stdio.h>

#define ROUNDS 20

int main(void)
{
    int turn = 0, order[4 * ROUNDS], count = 0;
#pragma omp parallel num_threads(4)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads(), mine = 0;
        while (mine < ROUNDS) {
            int played = 0;
#pragma omp critical(ball)
            if (turn == me) {
                order[count++] = me;
                turn = (turn + 1) % team;
                played = 1;
            }
            mine += played;
            if (!played)
                sched_yield();
        }
    }
    for (int i = 0; i < count; ++i)
        printf("%d", order[i]);
    printf("\n");
    return 0;
}
