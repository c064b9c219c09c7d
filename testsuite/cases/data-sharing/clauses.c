/* private is a fresh copy, firstprivate begins with the value, shared is one; the originals are as they must be afterwards. */
#include <omp.h>
#include <stdio.h>

struct point { double x, y; char tag; };

int main(void)
{
    int p = 1, f = 2, s = 0, wrong = 0, arr[5] = {1, 2, 3, 4, 5};
    struct point pt = {0.5, 1.5, 'q'};
    const int constant = 11;
#pragma omp parallel private(p) firstprivate(f, arr, pt) shared(s, constant) reduction(+ : wrong)
    {
        p = omp_get_thread_num();
        f += p;
        arr[0] += p;
        arr[4] *= 2;
        pt.x += p;
        if (p == 0)
            s = constant;
#pragma omp barrier
        wrong += p != omp_get_thread_num() || f != 2 + p || arr[0] != 1 + p || arr[4] != 10 || arr[2] != 3;
        wrong += pt.x != 0.5 + p || pt.y != 1.5 || pt.tag != 'q' || s != 11;
    }
    printf("%d %d %d %d %d %d %g\n", wrong, p, f, s, arr[0], arr[4], pt.x);
    return 0;
}
