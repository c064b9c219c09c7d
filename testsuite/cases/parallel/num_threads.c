/* num_threads takes an expression, evaluated once, and makes a smaller team. */
#include <omp.h>
#include <stdio.h>

static int evaluated;
static int two(void) { ++evaluated; return 2; }

int main(void)
{
    int size = 0, one = 0;
#pragma omp parallel num_threads(two())
    if (omp_get_thread_num() == 0)
        size = omp_get_num_threads();
#pragma omp parallel num_threads(1)
    one += omp_get_num_threads();
    int expected = omp_get_max_threads() < 2 ? 1 : 2;
    printf("%d %d %d\n", size == expected, one, evaluated);
    return 0;
}
