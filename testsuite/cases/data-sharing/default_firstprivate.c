/* default(firstprivate): variables that no clause names are copies that begin with the value. */
#include <omp.h>
#include <stdio.h>

int global = 50;

int main(void)
{
    int a = 1, arr[3] = {1, 2, 3}, wrong = 0;
    double d = 0.5;
    struct { int x; } anonymous = {9};
    static int kept = 7;
#pragma omp parallel default(firstprivate) shared(wrong) firstprivate(global)
    {
        int me = omp_get_thread_num();
        a += me, arr[1] += me, d += me, anonymous.x += me, kept += me, global += me;
#pragma omp barrier
        if (a != 1 + me || arr[1] != 2 + me || d != 0.5 + me || anonymous.x != 9 + me || kept != 7 + me || global != 50 + me)
#pragma omp atomic
            wrong++;
    }
    printf("%d %d %d %g %d %d %d\n", wrong, a, arr[1], d, anonymous.x, kept, global);
    int sum = 0, k = 3;
#pragma omp parallel for default(firstprivate) reduction(+ : sum)
    for (int i = 0; i < 10; i++)
        sum += k * i;
    printf("%d\n", sum);
    return 0;
}
