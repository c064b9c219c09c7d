/* Orphaned sections, critical, atomic and schedules. */
#include <stdio.h>

static int left, right, entered;
static double area;

static void both(void)
{
#pragma omp sections
    {
#pragma omp section
        left += 1;
#pragma omp section
        right += 2;
    }
}

static void integrate(int n)
{
    double mine = 0;
#pragma omp for schedule(dynamic, 5) nowait
    for (int i = 0; i < n; ++i)
        mine += i / 8.0;
#pragma omp critical
    area += mine;
#pragma omp atomic
    entered += 1;
#pragma omp barrier
}

int main(void)
{
    int team = 0;
#pragma omp parallel reduction(+ : team)
    {
        team = 1;
        both();
        integrate(200);
        both();
    }
    both();
    printf("%d %d %g %d\n", left, right, area, entered == team);
    return 0;
}
