/* private and firstprivate of globals and statics: functions called see the originals. */
#include <omp.h>
#include <stdio.h>

int shared_count = 3;
static int hidden = 40;

static int look(void) { return shared_count * 100 + hidden; }

int main(void)
{
    static int local = 8;
    int wrong = 0;
#pragma omp parallel private(shared_count) firstprivate(hidden, local) reduction(+ : wrong)
    {
        shared_count = omp_get_thread_num();
        hidden += shared_count;
        local -= shared_count;
        wrong += look() != 340 || hidden != 40 + shared_count || local != 8 - shared_count;
    }
    printf("%d %d %d %d\n", wrong, shared_count, hidden, local);
    return 0;
}
