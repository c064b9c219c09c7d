/* A value changed and changed back between two barriers, and one changed back across them. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int flag = 0, other = 0, wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        int me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int step = 0; step < 40; ++step) {
            if (me == step % team) {
                flag = 1;
                other = 5;
                other = 0;
            }
#pragma omp barrier
            wrong += flag != 1 || other != 0;
#pragma omp barrier
            if (me == (step + 1) % team)
                flag = 0;
#pragma omp barrier
            wrong += flag != 0;
#pragma omp barrier
        }
    }
    printf("%d %d %d\n", wrong, flag, other);
    return 0;
}
