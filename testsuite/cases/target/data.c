/* target data, enter data, exit data and update move nothing where there is one memory. */
#include <stdio.h>

#define N 16

static int a[N], b[N];

int main(void)
{
    int n = N, on = 1;
    for (int i = 0; i < N; i++)
        a[i] = i;
#pragma omp target data map(to : a) map(from : b[0 : n])
    {
#pragma omp target
        for (int i = 0; i < n; i++)
            b[i] = 2 * a[i];
#pragma omp target update to(a[0 : n]) if (on)
        if (on) {
#pragma omp target update from(b)
        }
    }
#pragma omp target enter data map(to : a) map(alloc : b[:n])
#pragma omp target map(a, b)
    for (int i = 0; i < n; i++)
        a[i] += b[i];
#pragma omp target update from(a[2 : 4], b) device(0) if (target update : on)
#pragma omp target exit data map(from : a) map(release : b)
    int *p = a;
#pragma omp target data map(tofrom : a) use_device_ptr(p)
#pragma omp target is_device_ptr(p)
    p[3] = -1;
    for (int i = 0; i < N; i++)
        printf("%d ", a[i]);
    printf("\n");
    return 0;
}
