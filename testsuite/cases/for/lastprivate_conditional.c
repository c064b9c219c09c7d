/* lastprivate(conditional:) gives the value of the last iteration that assigned one. */
#include <stdio.h>
int main(void)
{
    int x = -1, y = -2, z = -3;
    double d = 0.5;
#pragma omp parallel for lastprivate(conditional : x, y) schedule(dynamic, 3)
    for (int i = 0; i < 200; i++) {
        if (i % 17 == 4)
            x = i;
        if (i < 50)
            y = 2 * i;
    }
    printf("%d %d\n", x, y);
#pragma omp parallel for lastprivate(conditional : z)
    for (int i = 0; i < 100; i++)
        if (i > 1000)
            z = i;
    printf("%d\n", z);
#pragma omp parallel
    {
#pragma omp for lastprivate(conditional : d) schedule(static, 2) collapse(2)
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < 10; j++)
                if ((i * j) % 7 == 3)
                    d = i + j * 0.01;
    }
    printf("%.2f\n", d);
    return 0;
}
