/* The event of a detached task is fulfilled by another thread of the team, which sees the handle in shared memory. */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>

int main(void)
{
    static uintptr_t handle;
    int sum = 0, order = 0;
#pragma omp parallel
    {
        int team = omp_get_num_threads();
#pragma omp master
        {
            omp_event_handle_t event;
#pragma omp task detach(event) depend(out : order) shared(sum)
            sum += 1;
#pragma omp task depend(in : order) shared(sum, order)
            order = sum + 10;
#pragma omp atomic write
            handle = (uintptr_t)event;
        }
        if (omp_get_thread_num() == team - 1) {
            uintptr_t seen;
            do {
#pragma omp atomic read
                seen = handle;
            } while (seen == 0);
            omp_fulfill_event((omp_event_handle_t)seen);
        }
#pragma omp barrier
    }
    printf("%d %d\n", sum, order);
    return 0;
}
