/* Write-back of the old value under a lock: what is entered as 0 and left as 0 must still have been seen as 1 by those between. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    static int door, log_length, last, opened, wrong;
    int team = 0;
#pragma omp parallel
    {
#pragma omp master
        team = omp_get_num_threads();
        for (int i = 0; i < 60; ++i) {
#pragma omp critical
            {
                if (door != log_length % 2)
                    ++wrong;
                door = !door;
                last = door;
                ++log_length;
                opened += door;
            }
        }
    }
    printf("%d %d %d %d\n", wrong, log_length == 60 * team, opened == 30 * team, door == last);
    return 0;
}
