/* declare target in all of its forms: functions and variables of the device are the host's. */
#include <stdio.h>

#pragma omp declare target
int counter = 1;
static int table[4] = {1, 2, 3, 4};
static int triple(int x) { return 3 * x; }
#pragma omp end declare target

int listed = 10, linked = 20, other = 30;
static int add(int a, int b) { return a + b; }
#pragma omp declare target(listed)
#pragma omp declare target to(add) link(linked)

#pragma omp declare target
extern int later;
#pragma omp end declare target
int later = 40;

int main(void)
{
#pragma omp target
    {
        counter = triple(counter) + table[2];
        listed = add(listed, 1);
        later++;
        other++;
    }
#pragma omp target map(linked)
    linked++;
    printf("%d %d %d %d %d\n", counter, listed, linked, later, other);
    return 0;
}
