/* Clauses of target, teams and what declares things for them. */
#pragma omp requires unified_address(1)
#pragma omp requires atomic_default_mem_order(acquire)
#pragma omp declare target device_type(here)
#pragma omp end declare target
int g;

void f(int n, int *a)
{
#pragma omp target map(sideways : n)
    ;
#pragma omp target map(delete : n)
    ;
#pragma omp target enter data map(from : n)
#pragma omp target map(to : n a)
    ;
#pragma omp target map(to : , n)
    ;
#pragma omp target defaultmap(shared)
    ;
#pragma omp target is_device_ptr
    ;
#pragma omp distribute dist_schedule(dynamic)
    for (int i = 0; i < n; i++)
        ;
#pragma omp parallel private(n) allocate(align(3) : n)
    ;
#pragma omp error at(linking)
#pragma omp error severity(light)
}
