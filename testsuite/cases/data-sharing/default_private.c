/* default(private): variables that no clause names are fresh copies. */
#include <omp.h>
#include <stdio.h>

int global = 50;

int main(void)
{
    int a = 1, arr[3] = {1, 2, 3}, wrong = 0;
#pragma omp parallel default(private) shared(wrong) private(global)
    {
        int me = omp_get_thread_num();
        a = me, arr[1] = me, global = me;
#pragma omp barrier
        if (a != me || arr[1] != me || global != me)
#pragma omp atomic
            wrong++;
    }
    printf("%d %d %d %d\n", wrong, a, arr[1], global);
    return 0;
}
