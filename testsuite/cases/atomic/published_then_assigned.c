/* A thread updates x atomically, publishes that by leaving a critical section, and then assigns to x, which nobody else uses: the
 * assignment stands, here and everywhere, also if it restores the value from before. */
#include <omp.h>
#include <stdio.h>

static int x, y;

static void round_of(int author, int value, int again)
{
    int seen_otherwise = 0;
    x = y = 0;
#pragma omp parallel reduction(+ : seen_otherwise)
    {
        if (omp_get_thread_num() == author % omp_get_num_threads()) {
#pragma omp atomic
            x += 1;
#pragma omp atomic
            x += 2;
#pragma omp critical
            ++y;
            x = value;
            if (again) {
#pragma omp critical
                ++y;
                seen_otherwise += x != value;
            }
        }
#pragma omp barrier
        seen_otherwise += x != value;
    }
    printf("author %d value %d: x %d y %d, %d otherwise\n", author, value, x, y, seen_otherwise);
}

int main(void)
{
    for (int author = 0; author < 3; ++author)
        for (int value = 0; value < 5; ++value)
            for (int again = 0; again < 2; ++again)
                round_of(author, value, again);
    return 0;
}
