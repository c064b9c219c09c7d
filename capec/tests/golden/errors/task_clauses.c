/* Clauses of tasks, cancellation, flush and depobj. */
#include <omp.h>

void f(int n, int *a, omp_depend_t *object)
{
    int x = 0;
    omp_event_handle_t event;
#pragma omp task untied(1)
    ;
#pragma omp task detach(event, x)
    ;
#pragma omp task detach(event) mergeable
    ;
#pragma omp task depend(iterator(k = 0 : n) in : a[k])
    ;
#pragma omp task depend(iterator(k : n), in : a[k])
    ;
#pragma omp task depend(iterator(), in : a[0])
    ;
#pragma omp task depend(sink : x)
    ;
#pragma omp task depend(after : x)
    ;
#pragma omp task depend(in x)
    ;
#pragma omp task depend(in : x,)
    ;
#pragma omp taskloop grainsize(strict:)
    for (int i = 0; i < n; i++)
        ;
#pragma omp taskloop grainsize(2) num_tasks(2)
    for (int i = 0; i < n; i++)
        ;
#pragma omp taskloop nogroup reduction(+ : x)
    for (int i = 0; i < n; i++)
        ;
#pragma omp depobj
#pragma omp depobj(*object)
#pragma omp depobj(*object) update(depobj)
#pragma omp depobj(*object) depend(in : x) destroy
#pragma omp cancel parallel for
#pragma omp cancel
#pragma omp flush()
#pragma omp flush acquire release
#pragma omp flush acquire(x)
#pragma omp flush(x) release
#pragma omp task depend(sink : x)
    ;
#pragma omp taskwait nowait
#pragma omp single copyprivate(x) nowait
    ;
}
