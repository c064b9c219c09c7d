/* Updates, captures and reads of the same variables in one region: every ticket is given once, and nothing is lost. */
#include <omp.h>
#include <stdio.h>

static int tickets, taken[64], updates;
static double ratio = 1.0;

static int *chosen(int *calls)
{
    ++*calls;
    return &tickets;
}

int main(void)
{
    int good = 1, calls = 0;
#pragma omp parallel for schedule(static, 1) reduction(+ : calls) reduction(&& : good)
    for (int i = 0; i < 64; ++i) {
        int mine, now;
#pragma omp atomic capture
        mine = (*chosen(&calls))++;
#pragma omp atomic
        updates += 2;
#pragma omp atomic
        ratio *= i % 2 ? 2.0 : 0.5;
#pragma omp atomic read
        now = updates;
        taken[mine] = 1;
        good = good && now >= 2 && now <= 128;
    }
    int all = 0;
    for (int i = 0; i < 64; ++i)
        all += taken[i];
    printf("%d tickets, %d taken, updates %d, ratio %g, calls %d, good %d\n", tickets, all, updates, ratio, calls, good);
    return 0;
}
