/* lastprivate(conditional:): the last section, in the order of the text, that assigned. */
#include <stdio.h>

int x = 3, y = 4;

static void shared_out(const int *a)
{
#pragma omp sections lastprivate(conditional : x, y)
    {
        x = 11;
#pragma omp section
        if (a[2]) {
            x = 12;
            y = 22;
        }
#pragma omp section
        if (a[3])
            x = 13;
    }
}

int main(void)
{
    int a[4] = {0, 0, 1, 0}, z = 5;
#pragma omp parallel
    shared_out(a);
    printf("%d %d\n", x, y);
#pragma omp parallel sections lastprivate(conditional : z)
    {
        if (a[2])
            z = 1;
#pragma omp section
        if (a[3])
            z = 2;
    }
    printf("%d\n", z);
    return 0;
}
