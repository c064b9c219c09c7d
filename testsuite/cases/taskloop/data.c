/* Data sharing of taskloop: firstprivate at creation, private, lastprivate, both, implicit. */
#include <stdio.h>

int global = 3;

int main(void)
{
    int last = -1, both = 5, first = 7, scratch = 9, sum = 0, array[4] = {0}, i = 77, shared_i = 0;
#pragma omp parallel
#pragma omp single
    {
        int own = 11;
#pragma omp taskloop lastprivate(last, array) firstprivate(first, global) private(scratch) num_tasks(4)
        for (i = 0; i < 40; ++i) {
            scratch = i;
            last = scratch * 2;
            for (int k = 0; k < 4; ++k)
                array[k] = i + k;
#pragma omp atomic
            sum += first + own + global;
        }
#pragma omp taskloop firstprivate(both) lastprivate(both) grainsize(5)
        for (int k = 0; k < 20; ++k)
            if (k == 19)
                both = both * 100 + k;
#pragma omp taskloop lastprivate(shared_i)
        for (shared_i = 0; shared_i < 10; shared_i += 3)
            ;
        own = 0;
    }
    printf("%d %d %d %d %d %d | %d %d %d %d\n", last, both, first, scratch, sum, i, array[0], array[3], global, shared_i);
    return 0;
}
