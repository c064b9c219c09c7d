/* Values cross many barriers of one long region: each thread reads what its neighbour wrote in the step before. */
#include <omp.h>
#include <stdio.h>

#define STEPS 200

static unsigned board[2][64];

int main(void)
{
    int wrong = 0;
    for (unsigned i = 0; i < 64; ++i)
        board[0][i] = i * 2654435761u;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int step = 0; step < STEPS; ++step) {
            unsigned *now = board[step % 2], *next = board[(step + 1) % 2];
            for (int i = me; i < 64; i += team)
                next[i] = now[(i + 63) % 64] * 5u + now[(i + 1) % 64] + 1u;
#pragma omp barrier
            if (me == step % team && next[0] != now[63] * 5u + now[1] + 1u)
                ++wrong;
#pragma omp barrier
        }
    }
    unsigned hash = 0;
    for (int i = 0; i < 64; ++i)
        hash = hash * 31u + board[STEPS % 2][i];
    printf("%d %u\n", wrong, hash);
    return 0;
}
