/* A detachable task completes when its event has been fulfilled, by itself or by another task. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int before = 0, after = 0, x = 0;
#pragma omp parallel
#pragma omp single
    {
        omp_event_handle_t event;
#pragma omp task detach(event) depend(out : x) shared(before)
        {
            before = 1;
            omp_fulfill_event(event);
        }
#pragma omp task depend(in : x) shared(before, after)
        after = before + 1;
#pragma omp taskwait
    }
    printf("%d %d\n", before, after);
    return 0;
}
