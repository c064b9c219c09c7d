/* if, device, thread_limit, nowait, depend, and loops over a target construct. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int x = 0, y = 0;
    for (int i = 0; i < 3; i++) {
#pragma omp target if (target : i > 1) device(omp_get_default_device()) map(tofrom : x)
        x += i;
#pragma omp target map(tofrom : y) thread_limit(4) nowait
        y += 10;
#pragma omp taskwait
    }
    printf("%d %d\n", x, y);
#pragma omp target map(tofrom : x) if (0)
    {
        x = omp_is_initial_device() ? 100 : 200;
    }
    printf("%d %d\n", x, omp_get_num_devices() >= 0);
    return 0;
}
