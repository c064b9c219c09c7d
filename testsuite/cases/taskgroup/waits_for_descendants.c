/* taskgroup waits for the tasks of its tasks; taskwait only for children. */
#include <stdio.h>

static void tree(int depth, int *count)
{
#pragma omp atomic
    ++*count;
    if (depth == 0)
        return;
#pragma omp task
    tree(depth - 1, count);
#pragma omp task
    tree(depth - 1, count);
}

int main(void)
{
    int count = 0, seen = 0;
#pragma omp parallel
#pragma omp single
    {
#pragma omp taskgroup
        {
            tree(6, &count);
        }
        seen = count;
    }
    printf("%d %d\n", count, seen);
    return 0;
}
